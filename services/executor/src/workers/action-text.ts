import type { StageName } from '@conclave/contracts';

/** A version as people write it: `V1.0`, `v2`, `version 1.1`, `1.0-rc1`. Numbers with a unit or a comparison are none. */
export function versionIn(text: string): string | undefined {
  const marked = /\b(?:v|version\s+)(\d+(?:\.\d+)*(?:-[a-z0-9.]*[a-z0-9])?)\b/i.exec(text);
  const bare =
    /(?<![<>=≥≤\d.]\s*)\b(\d+\.\d+(?:\.\d+)*(?:-[a-z0-9.]*[a-z0-9])?)(?!\s*(?:%|ms|s\b|percent))(?![\d.]*\d)/i;
  return marked?.[1] ?? bare.exec(text)?.[1];
}

const STAGE =
  /\b(shadow)\b|\b(5|20|50|100)(?:\s*%|[\s_-]*(?:percent|pct)\b)|\b(production)\b|\b(full)[\s-](?:rollout|traffic|deployment)\b/gi;

/** The stage meant: the first one after the last `to` that is followed by one, else the first mentioned. */
export function stageIn(text: string): StageName | undefined {
  const stages = mentions(text);
  const targets = [...text.matchAll(/\b(?:to|into)\b/gi)].map((to) => to.index).reverse();
  for (const target of targets) {
    const after = stages.find((mention) => mention.index > target);
    if (after !== undefined) return after.stage;
  }
  return stages[0]?.stage;
}

function mentions(text: string): { index: number; stage: StageName }[] {
  return [...text.matchAll(STAGE)].map((match) => {
    const [, shadow, percent] = match;
    if (shadow !== undefined) return { index: match.index, stage: 'shadow' };
    if (percent === '5' || percent === '20' || percent === '50') {
      return { index: match.index, stage: `${percent}_percent` as const };
    }
    return { index: match.index, stage: 'production' };
  });
}

/** The one of these names that stands in the text as a word. */
export function nameIn(text: string, names: readonly string[]): string | undefined {
  const words = text.toLowerCase().split(/[^a-z0-9-]+/);
  return names.find((name) => words.includes(name));
}

/** Something that looks like a path: it has a slash or a file ending, or stands in quotes. */
export function pathIn(text: string): string | undefined {
  const quoted = /["'`]([^"'`]+)["'`]/.exec(text)?.[1];
  return (
    quoted ?? /(?<=^|[\s(])((?:[\w.-]*\/)[\w./-]*[\w]|[\w-]+\.(?!\d)[A-Za-z]\w{0,9})(?=$|[\s,;:).])/.exec(text)?.[1]
  );
}
