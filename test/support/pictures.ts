/**
 * Pictures that are kept and compared: several views of one state side by side in one PNG. A difference is told by how much
 * of the picture changed; what it looks like now lies in `test/artifacts` then.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { ROOT } from "./source-files.ts";

const KEPT = join(ROOT, "test/visual");
const ARTIFACTS = join(ROOT, "test/artifacts");
/** The share of a picture's pixels that may differ: antialiasing moves a few. */
const TOLERANCE = 0.001;

/** Several pictures in a row, as one. */
export function sideBySide(pictures: Buffer[]): Buffer {
  const all = pictures.map((one) => PNG.sync.read(one));
  const height = Math.max(...all.map((one) => one.height));
  const row = new PNG({ width: all.reduce((sum, one) => sum + one.width, 0), height });
  row.data.fill(0x80);
  let at = 0;
  for (const one of all) {
    PNG.bitblt(one, row, 0, 0, one.width, one.height, at, 0);
    at += one.width;
  }
  return indexed(row);
}

/** As a PNG with a palette, a quarter of the size: sixteen steps of each colour are enough, and no picture has more than a few. */
function indexed({ width, height, data }: PNG): Buffer {
  const palette = new Map<number, number>();
  const rows = Buffer.alloc((width + 1) * height);
  for (let at = 0; at < width * height; at++) {
    const [red = 0, green = 0, blue = 0] = data.subarray(at * 4, at * 4 + 3).map((value) => value >> 4);
    const colour = (red << 8) | (green << 4) | blue;
    if (!palette.has(colour)) palette.set(colour, palette.size);
    rows[at + Math.floor(at / width) + 1] = palette.get(colour) ?? 0;
  }
  if (palette.size > 256) throw new Error(`a picture has ${palette.size} colours`);
  const colours = [...palette.keys()].flatMap((one) => [one >> 8, (one >> 4) & 15, one & 15].map((step) => step * 17));
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 3, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(colours)),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, content: Buffer): Buffer {
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  const named = Buffer.concat([Buffer.from(type, "latin1"), content]);
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/** Compares a picture with the kept one of its name, or keeps it. Answers what is wrong, or null. */
export async function comparePicture(name: string, picture: Buffer, renew: boolean): Promise<string | null> {
  const path = join(KEPT, `${name}.png`);
  if (renew) {
    await keep(path, picture);
    return null;
  }
  if (!existsSync(path)) return "there is no picture to compare with";
  const [was, is] = [PNG.sync.read(await readFile(path)), PNG.sync.read(picture)];
  const { width, height } = was;
  const difference = new PNG({ width, height });
  let share = 1;
  if (is.width === width && is.height === height) {
    share = pixelmatch(was.data, is.data, difference.data, width, height) / (width * height);
    if (share <= TOLERANCE) return null;
    await keep(join(ARTIFACTS, `${name}-difference.png`), PNG.sync.write(difference));
  }
  await keep(join(ARTIFACTS, `${name}.png`), picture);
  return share === 1
    ? `it is ${is.width} × ${is.height} instead of ${width} × ${height}`
    : `${(share * 100).toFixed(2)} % of it changed`;
}

async function keep(path: string, content: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
