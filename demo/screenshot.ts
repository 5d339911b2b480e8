/** `npm run screenshot`: starts the demo, types a misspelt hospital into the tag, and keeps the picture as `demo/screenshot.png`. */
import { fileURLToPath } from "node:url";
import { launchBrowser } from "../test/support/chromium.ts";
import { startDemo } from "../test/support/demo.ts";
import { field } from "../test/support/patient.ts";

const demo = await startDemo();
const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 760, height: 900 }, deviceScaleFactor: 2 });
  await page.goto(demo.origin);
  await field(page).pressSequentially("thornbery");
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("ArrowDown");
  const path = fileURLToPath(new URL("screenshot.png", import.meta.url));
  await page.getByRole("region", { name: "Bring your records" }).screenshot({ path, animations: "disabled" });
} finally {
  await browser.close();
  await demo.stop();
}
