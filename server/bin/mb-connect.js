#!/usr/bin/env node
// Committed, not built: npm links a package's command when it installs, and in a fresh clone nothing is built by then.
import { existsSync } from "node:fs";

const built = new URL("../dist/server/src/cli.js", import.meta.url);
if (existsSync(built)) {
  const { main } = await import(built.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  console.error("mb-connect is not built yet. Run in its folder: npm run build");
  process.exitCode = 1;
}
