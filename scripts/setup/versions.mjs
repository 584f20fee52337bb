/** The first `a.b.c` in a text as three numbers, or undefined. */
export function parseVersion(text) {
  const match = /(\d+)\.(\d+)\.(\d+)/.exec(text);
  return match ? match.slice(1).map(Number) : undefined;
}

/** Whether the version named in `text` is at least `minimum`; text without a version is not. */
export function isAtLeast(text, minimum) {
  const found = parseVersion(text);
  const wanted = parseVersion(minimum);
  if (!found || !wanted) return false;
  for (const [index, part] of wanted.entries()) {
    if (found[index] !== part) return found[index] > part;
  }
  return true;
}
