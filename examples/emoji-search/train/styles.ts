/** The picture sets: where each is found and how its pictures join the corpus. */
import { existsSync, readFileSync } from 'node:fs';
import type { Emoji } from './corpus.ts';
import { wordsOf } from './corpus.ts';

export type Picture = { readonly kind: 'svg'; readonly svg: string } | { readonly kind: 'file'; readonly path: string };

export interface Style {
  readonly name: string;
  readonly role: 'train' | 'develop' | 'test';
}

export const STYLES: readonly Style[] = [
  { name: 'noto', role: 'train' },
  { name: 'noto-v1', role: 'train' },
  { name: 'fluent-emoji-flat', role: 'train' },
  { name: 'fluent-emoji', role: 'train' },
  { name: 'fluent-emoji-3d', role: 'train' },
  { name: 'fxemoji', role: 'train' },
  { name: 'emojione', role: 'train' },
  { name: 'streamline-emojis', role: 'train' },
  { name: 'openmoji', role: 'develop' },
  { name: 'twemoji', role: 'test' },
];

interface IconSet {
  readonly icons: Record<string, { body: string; left?: number; top?: number; width?: number; height?: number }>;
  readonly aliases?: Record<string, { parent: string; hFlip?: boolean; vFlip?: boolean; rotate?: number }>;
  readonly width?: number;
  readonly height?: number;
}

const MODULES = new URL('node_modules/', import.meta.url);

function readIfPresent<T>(path: string, absent: T): T {
  const url = new URL(path, MODULES);
  return existsSync(url) ? (JSON.parse(readFileSync(url, 'utf8')) as T) : absent;
}

const squash = (text: string): string => wordsOf(text).join('');
const withoutVariation = (hex: string): string => hex.toLowerCase().replaceAll('-fe0f', '');

/** Returns a look-up from emoji to its picture in the style, by code point, else by name. */
export function openStyle(style: Style): (emoji: Emoji) => Picture | undefined {
  return style.name === 'fluent-emoji-3d' ? openFluent3d() : openIconSet(style.name);
}

function openFluent3d(): (emoji: Emoji) => Picture | undefined {
  const folder = new URL('@lobehub/fluent-emoji-3d/assets/', MODULES);
  return (emoji) => {
    const hexcode = [...emoji.char].map((char) => char.codePointAt(0)?.toString(16)).join('-');
    for (const name of [hexcode, emoji.id, `${emoji.id}-fe0f`]) {
      const file = new URL(`${name}.webp`, folder);
      if (existsSync(file)) return { kind: 'file', path: file.pathname };
    }
    return undefined;
  };
}

function openIconSet(name: string): (emoji: Emoji) => Picture | undefined {
  const set = readIfPresent<IconSet>(`@iconify-json/${name}/icons.json`, { icons: {} });
  const chars = readIfPresent<Record<string, string>>(`@iconify-json/${name}/chars.json`, {});
  const byHex = new Map(Object.entries(chars).map(([hex, icon]) => [withoutVariation(hex), icon]));
  const byName = new Map<string, string>();
  // Streamline numbers its variants; the first stands for the emoji.
  for (const icon of [...Object.keys(set.icons), ...Object.keys(set.aliases ?? {})]) {
    const key = squash(icon.replace(/-1$/, ''));
    if (!byName.has(key)) byName.set(key, icon);
  }
  return (emoji) => {
    const names = [emoji.name, ...emoji.aliases].map((alias) => byName.get(squash(alias)));
    const icon = byHex.get(emoji.id) ?? names.find((found) => found !== undefined);
    const svg = icon === undefined ? undefined : drawIcon(set, icon);
    return svg === undefined ? undefined : { kind: 'svg', svg };
  };
}

function drawIcon(set: IconSet, name: string): string | undefined {
  const alias = set.aliases?.[name];
  if (alias && (alias.hFlip || alias.vFlip || alias.rotate)) return undefined;
  const icon = set.icons[alias?.parent ?? name];
  if (!icon) return undefined;
  const width = icon.width ?? set.width ?? 16;
  const height = icon.height ?? set.height ?? 16;
  const box = `${icon.left ?? 0} ${icon.top ?? 0} ${width} ${height}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}" viewBox="${box}">${icon.body}</svg>`;
}
