import { readFileSync } from 'node:fs';
import { brief, ConclaveError, messageOf, type RolloutDefinition, rolloutDefinition } from '@conclave/contracts';
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml';
import type { z } from 'zod';

/*
 * A rollout file as people write it: YAML 1.2 with merge keys, or JSON, which is YAML too. Whatever is refused names file, line and what the
 * file says there: a number that YAML has made of `1.10` is 1.1 by the time a schema sees it.
 */

const HINT = 'see docs/rollouts.md and examples/emoji-search/rollouts';

/** @throws CVE_ROLLOUT_INVALID naming file, line, field and value */
export function readDefinition(file: string): RolloutDefinition {
  const text = readText(file);
  const lines = new LineCounter();
  const refuse = (message: string): ConclaveError => new ConclaveError('CVE_ROLLOUT_INVALID', `${file}: ${message}`);
  const document = onlyDocument(text, lines, refuse);
  const raw = plainValue(document, refuse);
  if (!isMap(document.contents)) {
    const what = raw === null ? 'is empty' : `holds ${Array.isArray(raw) ? 'a list' : brief(raw)}`;
    throw refuse(`it ${what}; a rollout file is one mapping with apiVersion, kind, metadata and spec (${HINT})`);
  }
  const parsed = rolloutDefinition.safeParse(raw);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const shown = issues.slice(0, 5).map((issue) => issueText(issue, document, lines));
  const rest = issues.length > shown.length ? `; and ${issues.length - shown.length} more` : '';
  throw refuse(`${shown.join('; ')}${rest}; ${HINT}`);
}

function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    const reason = error instanceof TypeError ? 'it is no text in UTF-8' : messageOf(error);
    throw new ConclaveError(
      'CVE_ROLLOUT_INVALID',
      `${file} cannot be read as YAML: ${reason}; correct the path or the file`,
    );
  }
}

type Refuse = (message: string) => ConclaveError;

function onlyDocument(text: string, lines: LineCounter, refuse: Refuse): Document {
  const all = parseAllDocuments(text, { merge: true, lineCounter: lines, prettyErrors: false });
  const documents = 'empty' in all ? [] : all.filter((d) => d.errors.length > 0 || !isEmpty(d));
  for (const { errors } of documents) {
    const [error] = errors;
    if (error === undefined) continue;
    const line = lineText(lines, error.pos[0]);
    throw refuse(
      error.code === 'DUPLICATE_KEY'
        ? `${line}: ${duplicateText(text, error.pos[0])} stands twice in one mapping; keep one of the two`
        : `${line}: ${error.message} (${brief(sourceLine(text, error.pos[0]))}); correct the file`,
    );
  }
  const [document, second] = documents;
  if (document === undefined)
    throw refuse(`it is empty; a rollout file is one mapping with apiVersion, kind, metadata and spec (${HINT})`);
  if (second !== undefined)
    throw refuse(
      `it holds ${documents.length} documents, the second from ${lineText(lines, second.contents?.range?.[0] ?? second.range[0])} on; a rollout file is one: split it`,
    );
  return document;
}

/** What lies between two `---` with nothing but comments. */
function isEmpty({ contents }: Document): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && (contents.source ?? '') === '');
}

function plainValue(document: Document, refuse: Refuse): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // An anchor that is not there, a merge key of what is no mapping, aliases without end.
    throw refuse(`${messageOf(error)}; correct the anchors, aliases and merge keys (<<) of the file`);
  }
}

function issueText(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): string {
  const { path } = issue;
  const field = path.length === 0 ? '(whole file)' : path.map(String).join('.');
  const told = (what: string, node: unknown): string => {
    const offset = isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined;
    return `${field}: ${what}${offset === undefined ? '' : ` (${lineText(lines, offset)})`}`;
  };
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.map((key) => `"${key}"`).join(', ');
    const key = pairAt(document, [...path, issue.keys[0] ?? ''])?.key;
    const what = `unknown ${issue.keys.length === 1 ? 'key' : 'keys'} ${names}`;
    // What a key of before says now, where the schema knows.
    return told(issue.message.startsWith('Unrecognized') ? what : `${what}: ${issue.message}`, key);
  }
  const node = nodeAt(document, path);
  if (node === undefined) return told('is missing', nodeAt(document, path.slice(0, -1)));
  return told(valueText(issue, node), node);
}

/** What is wrong with a value, and what to write instead where YAML has made something else of it than was meant. */
function valueText(issue: z.core.$ZodIssue, node: Node): string {
  const wantsText = (issue.code === 'invalid_type' && issue.expected === 'string') || issue.code === 'invalid_union';
  if (!isScalar(node)) return issue.message;
  const { value, source = '' } = node;
  if (wantsText && value === null) return 'is empty; give a text';
  if (wantsText && typeof value !== 'string')
    return `${source} is a ${typeof value} to YAML, not the text that stands there; quote it: "${source}"`;
  if (issue.code === 'invalid_type' && issue.expected === 'boolean' && typeof value === 'string')
    return `"${value}" is a text to YAML; write true or false`;
  if (issue.code === 'invalid_type' && issue.expected === 'number' && typeof value === 'string')
    return `"${value}" is a text; write a number without quotes`;
  return `${issue.message} (got ${typeof value === 'string' ? brief(value) : source || brief(value)})`;
}

function lineText(lines: LineCounter, offset: number): string {
  return `line ${lines.linePos(offset).line}`;
}

function sourceLine(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return text.slice(start, end === -1 ? undefined : end).trim();
}

function duplicateText(text: string, offset: number): string {
  return brief(/^["']?([^\s:,"'}\]]+)/.exec(text.slice(offset))?.[1] ?? sourceLine(text, offset));
}

/** The node at a path, through aliases and merge keys. */
function nodeAt(document: Document, path: readonly PropertyKey[]): Node | undefined {
  let node: unknown = document.contents;
  for (const step of path) {
    const inner: unknown = resolved(node, document);
    if (isMap(inner)) node = pairIn(inner, step, document)?.value;
    else if (isSeq(inner)) node = inner.items[Number(step)];
    else return undefined;
  }
  const found = resolved(node, document);
  return isScalar(found) || isMap(found) || isSeq(found) ? found : undefined;
}

function pairAt(document: Document, path: readonly PropertyKey[]): Pair | undefined {
  const map = nodeAt(document, path.slice(0, -1));
  return isMap(map) ? pairIn(map, path.at(-1) ?? '', document) : undefined;
}

function pairIn(map: YAMLMap, key: PropertyKey, document: Document): Pair | undefined {
  const named = (name: string) =>
    map.items.find((pair) => isPair(pair) && isScalar(pair.key) && String(pair.key.value) === name);
  const own = named(String(key));
  if (own !== undefined) return own;
  const merged = resolved(map.items.find((pair) => isScalar(pair.key) && pair.key.source === '<<')?.value, document);
  const sources = isSeq(merged) ? merged.items.map((item) => resolved(item, document)) : [merged];
  for (const source of sources) {
    const pair = isMap(source) ? pairIn(source, key, document) : undefined;
    if (pair !== undefined) return pair;
  }
  return undefined;
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}
