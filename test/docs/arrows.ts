import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';

/*
 * Which part of a service imports which. In each folder the parts are its files and its folders; a folder imports what any file below it
 * imports. Between them arrows must not go round: what lies on a circle can only be understood, moved and tested together.
 */

/** An import from one file to another, as paths within a service's `src`. Type imports count: a reader follows them too. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** A circle of parts, and the imports that make it. */
export interface Circle {
  /** The folder whose parts they are; empty for `src` itself. */
  readonly folder: string;
  readonly parts: readonly string[];
  readonly imports: readonly Import[];
}

const IMPORT = /(?:\bfrom|\bimport\(|\bimport)\s*'(\.[^']+)'/g;

/** The relative imports of all files of a `src` folder, tests and what only they use left out: those may use anything. */
export function importsIn(src: string): Import[] {
  const files = globSync('**/*.ts', { cwd: src }).filter((file) => !/\.test\.ts$|(^|\/)testing\//.test(file));
  return files.flatMap((from) =>
    [...readFileSync(join(src, from), 'utf8').matchAll(IMPORT)].map(([, path = '']) => ({
      from,
      to: normalize(join(dirname(from), path)),
    })),
  );
}

/** Every circle between the parts of one folder. */
export function circlesIn(imports: readonly Import[]): Circle[] {
  const folders = new Set(imports.flatMap(({ from }) => ancestors(from)));
  return [...folders].flatMap((folder) => {
    const inside = imports.flatMap((one) => {
      const [from, to] = [partOf(folder, one.from), partOf(folder, one.to)];
      return from === undefined || to === undefined || from === to ? [] : [{ from, to, one }];
    });
    const reachable = closure(inside);
    const onCircle = (part: string): boolean => reachable.get(part)?.has(part) ?? false;
    const left = new Set(inside.map(({ from }) => from).filter(onCircle));
    const circles: Circle[] = [];
    for (const first of left) {
      const parts = [...left].filter((part) => reachable.get(first)?.has(part) && reachable.get(part)?.has(first));
      for (const part of parts) left.delete(part);
      const within = inside.filter(({ from, to }) => parts.includes(from) && parts.includes(to));
      circles.push({ folder, parts: parts.toSorted(), imports: within.map(({ one }) => one) });
    }
    return circles;
  });
}

/** The folders that a file lies in, from its own up to `src`, which is the empty one. */
function ancestors(file: string): string[] {
  const folder = dirname(file);
  return folder === '.' ? [''] : [folder, ...ancestors(folder)];
}

/** The file or folder, right in `folder`, that a file is or lies in; undefined when it lies elsewhere. */
function partOf(folder: string, file: string): string | undefined {
  const [part = '..'] = relative(folder, file).split(sep);
  return part === '..' ? undefined : part;
}

/** What each part imports, by however many steps. */
function closure(arrows: readonly { readonly from: string; readonly to: string }[]): Map<string, Set<string>> {
  const reachable = new Map<string, Set<string>>();
  for (const { from } of arrows) {
    if (reachable.has(from)) continue;
    const seen = new Set<string>();
    const open = [from];
    for (const part of open) {
      for (const { to } of arrows.filter((arrow) => arrow.from === part)) {
        if (seen.has(to)) continue;
        seen.add(to);
        open.push(to);
      }
    }
    reachable.set(from, seen);
  }
  return reachable;
}
