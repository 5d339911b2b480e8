/** Packs the two packages just as npm publishes them. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Runs a command and answers what it printed; where it fails, the error's message holds all of it. */
export async function run(
  command: string,
  words: string[],
  options: { cwd?: string } = {},
): Promise<{ stdout: string; stderr: string }> {
  try {
    return await execute(command, words, { ...options, maxBuffer: 16 * 1024 * 1024 });
  } catch (thrown) {
    // execFile's own message leaves standard output out, which is where compilers complain.
    const fault = thrown as Error & { stdout: string };
    fault.message += fault.stdout;
    throw fault;
  }
}

/** A tarball, and what is in it. */
export interface Tarball {
  /** The package's name. */
  name: string;
  file: string;
  paths: string[];
  /** Packed. */
  bytes: number;
}

/** The folders of the packages, and the workspaces' names. */
export const PACKAGES = ["server", "widget"] as const;

/**
 * Packs both, as they are built.
 *
 * @param project the project's folder, installed and built
 * @param destination an existing folder for the tarballs
 */
export async function pack(project: string, destination: string): Promise<Tarball[]> {
  const workspaces = PACKAGES.flatMap((folder) => ["--workspace", folder]);
  const { stdout } = await run(
    "npm",
    ["pack", "--json", "--silent", "--pack-destination", destination, ...workspaces],
    {
      cwd: project,
    },
  );
  // A list, or in newer versions of npm an object by name.
  const packed = Object.values(JSON.parse(stdout)) as {
    name: string;
    filename: string;
    size: number;
    files: { path: string }[];
  }[];
  return packed.map(({ name, filename, size, files }) => ({
    name,
    file: join(destination, filename),
    paths: files.map(({ path }) => path),
    bytes: size,
  }));
}
