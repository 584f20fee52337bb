import type { BundleManifest } from '@conclave/contracts';
import sharp from 'sharp';

type PictureFormat = Extract<BundleManifest['documents'], { kind: 'pictures' }>['picture'];

/**
 * A picture file as the model wants it: decoded, transparency flattened on the background, resized (stretched) only if its
 * size differs, then `(byte * scale - mean) / std` per channel; `mean` and `std` stand in the order of `channels`.
 * @returns float32 of length 3 * height * width, channel by channel (CHW)
 * @throws the decoder's error for what is no picture
 */
export async function pictureTensor(file: string, format: PictureFormat): Promise<Float32Array> {
  const { width, height } = format;
  const image = sharp(file).flatten({ background: format.background }).toColourspace('srgb').removeAlpha();
  const size = await image.metadata();
  const resized = size.width === width && size.height === height ? image : image.resize(width, height, { fit: 'fill' });
  const { data, info } = await resized.raw().toBuffer({ resolveWithObject: true });
  const pixels = width * height;
  const tensor = new Float32Array(3 * pixels);
  for (let channel = 0; channel < 3; channel++) {
    const source = info.channels < 3 ? 0 : format.channels === 'RGB' ? channel : 2 - channel;
    const mean = format.mean[channel] ?? 0;
    const std = format.std[channel] ?? 1;
    for (let p = 0; p < pixels; p++) {
      tensor[channel * pixels + p] = ((data[p * info.channels + source] ?? 0) * format.scale - mean) / std;
    }
  }
  return tensor;
}
