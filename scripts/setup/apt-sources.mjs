/**
 * Reads apt's own description of the machine's mirrors, in both of its formats, and returns one entry per URI and suite:
 * `{ uri, suite, components, signedBy }`, where `signedBy` is the value as written (a path, or an inline key of several lines).
 */
export function parseSources(text, format) {
  return format === 'deb822' ? parseDeb822(text) : parseOneLine(text);
}

/** Mirrors of the distribution itself among the entries: those that carry its own release, the likeliest first. */
export function distributionMirrors(entries, { codename, component }) {
  const own = entries.filter((entry) => entry.suite === codename && entry.components.includes(component));
  const looksOfficial = (entry) => /\/(debian|ubuntu|ubuntu-ports)\/?$/.test(entry.uri);
  const ordered = [...own.filter(looksOfficial), ...own.filter((entry) => !looksOfficial(entry))];
  return ordered.filter((entry, index) => ordered.findIndex((other) => other.uri === entry.uri) === index);
}

function parseOneLine(text) {
  const entries = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (!match) continue;
    const [, options = '', uri, suite, components] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    entries.push({ uri, suite, components: words(components), signedBy });
  }
  return entries;
}

function parseDeb822(text) {
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name) => new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t]+.*)*)`, 'im').exec(stanza)?.[1]?.trim();
    const isOff = /^(no|false|off|without|disable)$/i.test(field('Enabled') ?? '');
    if (isOff || !words(field('Types')).includes('deb')) return [];
    const components = words(field('Components'));
    const signedBy = signedByAsWritten(stanza);
    return words(field('URIs')).flatMap((uri) =>
      words(field('Suites')).map((suite) => ({ uri, suite, components, signedBy })),
    );
  });
}

function signedByAsWritten(stanza) {
  const match = /^Signed-By:[ \t]*(.*(?:\n[ \t]+.*)*)/im.exec(stanza);
  return match?.[1]?.trimEnd();
}

function words(text = '') {
  return text.split(/\s+/).filter((word) => word !== '');
}
