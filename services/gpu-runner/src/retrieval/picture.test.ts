import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { pictureTensor } from './picture.ts';

const dir = mkdtempSync(join(tmpdir(), 'picture-'));
after(() => rmSync(dir, { recursive: true }));

const plain = {
  width: 2,
  height: 1,
  channels: 'RGB',
  background: '#ffffff',
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
} as const;
const format = (change: Partial<Record<keyof typeof plain, unknown>> = {}) => {
  const merged: unknown = { ...plain, mean: [...plain.mean], std: [...plain.std], ...change };
  return merged as Parameters<typeof pictureTensor>[1];
};

async function picture(name: string, pixels: number[], width: number, channels: 1 | 3 | 4): Promise<string> {
  const file = join(dir, name);
  const raw = { width, height: pixels.length / channels / width, channels };
  await sharp(Buffer.from(pixels), { raw }).png().toFile(file);
  return file;
}

describe('pictures as tensors', () => {
  it('lays channels out one after the other, RGB or BGR', async () => {
    const file = await picture('rgb.png', [10, 20, 30, 40, 50, 60], 2, 3);
    assert.deepEqual([...(await pictureTensor(file, format()))], [10, 40, 20, 50, 30, 60]);
    assert.deepEqual([...(await pictureTensor(file, format({ channels: 'BGR' })))], [30, 60, 20, 50, 10, 40]);
  });

  it('flattens transparency on the background', async () => {
    const file = await picture('alpha.png', [10, 20, 30, 255, 10, 20, 30, 0], 2, 4);
    assert.deepEqual([...(await pictureTensor(file, format()))], [10, 255, 20, 255, 30, 255]);
    assert.deepEqual([...(await pictureTensor(file, format({ background: '#000000' })))], [10, 0, 20, 0, 30, 0]);
  });

  it('scales, then subtracts the mean and divides by the deviation of each channel', async () => {
    const file = await picture('norm.png', [10, 20, 30, 40, 50, 60], 2, 3);
    const normalised = await pictureTensor(file, format({ scale: 0.5, mean: [1, 2, 3], std: [2, 4, 8] }));
    assert.deepEqual([...normalised], [2, 9.5, 2, 5.75, 1.5, 3.375]);
  });

  it('reads grey pictures and resizes others to the size asked', async () => {
    const grey = await picture('grey.png', [7, 9], 2, 1);
    assert.deepEqual([...(await pictureTensor(grey, format()))], [7, 9, 7, 9, 7, 9]);
    const large = await picture('large.png', Array(3 * 16).fill(99), 4, 3);
    assert.deepEqual([...(await pictureTensor(large, format()))], Array(6).fill(99));
  });

  it('rejects what is no picture', async () => {
    const file = join(dir, 'no.png');
    writeFileSync(file, 'no picture');
    await assert.rejects(pictureTensor(file, format()));
  });
});
