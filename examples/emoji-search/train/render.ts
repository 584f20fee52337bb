/**
 * Renders every style of the corpus to 48x48 RGBA and writes
 * - `.cache/<style>.rgba` and `.cache/corpus.json` for training,
 * - `../dataset/`: the corpus, queries and grades in BEIR form, with the test style's pictures.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { drawQueries, type Emoji, gradesOf, readCorpus, wordsOf } from './corpus.ts';
import { openStyle, type Picture, STYLES } from './styles.ts';

const SIDE = 48;
const MARGIN = 1;
const DRAWN_SIDE = 192;
/** Alpha below this is not content when a picture is trimmed: shadows and anti-aliasing. */
const CONTENT_ALPHA = 24;
/** Leave-one-style-out training needs at least two styles. */
const MIN_TRAINING_STYLES = 2;

const CACHE = new URL('.cache/', import.meta.url);
const DATASET = new URL('../dataset/', import.meta.url);

/** Returns 48*48*4 bytes: trimmed to the content, centred in a square, resized. */
async function renderPicture(picture: Picture): Promise<Buffer | undefined> {
  const source = picture.kind === 'svg' ? sharp(Buffer.from(picture.svg), { density: 600 }) : sharp(picture.path);
  const fitted = source
    .resize(DRAWN_SIDE, DRAWN_SIDE, { fit: 'contain', background: '#00000000' })
    .ensureAlpha()
    .toColourspace('srgb');
  const { data, info } = await fitted.raw().toBuffer({ resolveWithObject: true });
  const box = contentBox(data, info.width, info.height);
  if (!box) return undefined;
  const inner = SIDE - 2 * MARGIN;
  return sharp(data, { raw: { width: info.width, height: info.height, channels: 4 } })
    .extract(box)
    .resize(inner, inner, { fit: 'contain', background: '#00000000' })
    .extend({ top: MARGIN, bottom: MARGIN, left: MARGIN, right: MARGIN, background: '#00000000' })
    .raw()
    .toBuffer();
}

function contentBox(rgba: Buffer, width: number, height: number) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if ((rgba[(y * width + x) * 4 + 3] ?? 0) < CONTENT_ALPHA) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

const jsonLines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function writeDataset(corpus: readonly Emoji[], pictures: ReadonlyMap<string, Buffer>): Promise<void> {
  rmSync(new URL('pictures/', DATASET), { recursive: true, force: true });
  mkdirSync(new URL('pictures/', DATASET), { recursive: true });
  mkdirSync(new URL('qrels/', DATASET), { recursive: true });
  for (const [id, rgba] of pictures) {
    await sharp(rgba, { raw: { width: SIDE, height: SIDE, channels: 4 } })
      .png({ compressionLevel: 9, effort: 10, adaptiveFiltering: true })
      .toFile(new URL(`pictures/${id}.png`, DATASET).pathname);
  }
  const documents = corpus.map((emoji) => ({
    _id: emoji.id,
    title: emoji.name,
    text: emoji.tags.join(', '),
    picture: `pictures/${emoji.id}.png`,
  }));
  const queries = drawQueries(corpus);
  const judgements = queries.flatMap((query) =>
    [...query.grades].map(([id, grade]) => `${query.id}\t${id}\t${grade}\n`),
  );
  const description = {
    schema: 'conclave.dataset/v1',
    name: 'emoji-twemoji',
    description:
      'Find the picture of an emoji by words. Pictures in the twemoji style; grade 2: the name has the query, grade 1: a tag is the query. title and text are for display: a model sees the picture only.',
    split: 'test',
    license:
      'Pictures: Twemoji, CC-BY-4.0, (c) Twitter, Inc and other contributors. Names and tags: emojibase-data, MIT, (c) Miles Johnson.',
  };
  writeFileSync(new URL('dataset.json', DATASET), `${JSON.stringify(description, null, 2)}\n`);
  writeFileSync(new URL('corpus.jsonl', DATASET), jsonLines(documents));
  writeFileSync(new URL('queries.jsonl', DATASET), jsonLines(queries.map(({ id, text }) => ({ _id: id, text }))));
  writeFileSync(new URL('qrels/test.tsv', DATASET), `query-id\tcorpus-id\tscore\n${judgements.join('')}`);
  console.log(`dataset: ${documents.length} pictures, ${queries.length} queries, ${judgements.length} judgements`);
}

/** Training sees every term of a name, tag or keyword, with the grades that the terms have over the corpus. */
function trainingTerms(corpus: readonly Emoji[]) {
  const terms = new Map<string, Map<string, number>>();
  for (const emoji of corpus) {
    for (const term of [emoji.name, ...wordsOf(emoji.name), ...emoji.tags, ...emoji.keywords]) {
      const text = wordsOf(term).join(' ');
      if (text === '' || terms.has(text)) continue;
      terms.set(text, new Map<string, number>(gradesOf(text, corpus)));
    }
  }
  for (const emoji of corpus) {
    for (const keyword of emoji.keywords) {
      const grades = terms.get(keyword);
      if (grades && !grades.has(emoji.id)) grades.set(emoji.id, 0.5);
    }
  }
  return [...terms].map(([text, grades]) => ({ text, grades: Object.fromEntries(grades) }));
}

const everyEmoji = readCorpus();
const rendered = new Map<string, Map<string, Buffer>>();
for (const style of STYLES) {
  const find = openStyle(style);
  const pictures = new Map<string, Buffer>();
  for (const emoji of everyEmoji) {
    const picture = find(emoji);
    const rgba = picture && (await renderPicture(picture));
    if (rgba) pictures.set(emoji.id, rgba);
  }
  rendered.set(style.name, pictures);
  console.log(`${style.name}: ${pictures.size} of ${everyEmoji.length}`);
}

const trainingStyles = STYLES.filter((style) => style.role === 'train').map((style) => style.name);
const corpus = everyEmoji.filter((emoji) => {
  const drawnBy = trainingStyles.filter((style) => rendered.get(style)?.has(emoji.id));
  return drawnBy.length >= MIN_TRAINING_STYLES && rendered.get('twemoji')?.has(emoji.id);
});
mkdirSync(CACHE, { recursive: true });
const drawn: Record<string, string[]> = {};
for (const [style, pictures] of rendered) {
  const ids = corpus.map((emoji) => emoji.id).filter((id) => pictures.has(id));
  drawn[style] = ids;
  writeFileSync(new URL(`${style}.rgba`, CACHE), Buffer.concat(ids.map((id) => pictures.get(id) ?? Buffer.alloc(0))));
}
const summary = {
  side: SIDE,
  styles: STYLES,
  ids: corpus.map((emoji) => emoji.id),
  drawn,
  terms: trainingTerms(corpus),
};
writeFileSync(new URL('corpus.json', CACHE), JSON.stringify(summary));
await writeDataset(corpus, new Map([...(rendered.get('twemoji') ?? [])].filter(([id]) => drawn.twemoji?.includes(id))));
