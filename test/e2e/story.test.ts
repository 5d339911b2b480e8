/** A patient's way through the running demo, in a real browser: every end it can have, wide and narrow, by mouse and by keyboard. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../support/chromium.ts";
import { type Demo, expireSessions, startDemo } from "../support/demo.ts";
import {
  answer,
  field,
  fitsTheWindow,
  hospitals,
  isAccessible,
  newPatient,
  type Patient,
  pick,
  seesOutcome,
  signIn,
} from "../support/patient.ts";

const FACILITY = "Thornbury General Hospital";
/** Three hundred of the patient's own, and the twenty practitioners, wards and the like that they refer to. */
const RECORDS_HERE = "Your records are here: 320";

let demo: Demo;
let browser: Browser;
const patients: Patient[] = [];

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), launchBrowser()]);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});
afterEach(async () => {
  const complaints = patients.flatMap((patient) => patient.complaints);
  for (const { context } of patients.splice(0)) await context.close();
  assert.deepEqual(complaints, []);
});

async function arrives(width?: number): Promise<Patient> {
  const patient = await newPatient(browser, width);
  patients.push(patient);
  await patient.page.goto(demo.origin);
  await patient.page.getByText("Signed in as Robin Sampleton").waitFor();
  return patient;
}

for (const width of [1100, 390, 320]) {
  test(`a misspelt hospital, allowed, is connected, at ${width} px`, async () => {
    const { page } = await arrives(width);
    await field(page).fill("thornbery general");
    const first = page.getByRole("option").first();
    await first.waitFor();
    assert.match(await first.innerText(), new RegExp(`${FACILITY}[^]*Thornbury, OH 44871`));
    await fitsTheWindow(page);
    await first.click();
    await page.waitForURL(/127\.0\.0\.1:\d+\/thornbury-general-hospital\/sign-in/);
    await fitsTheWindow(page);
    await signIn(page);
    await page.getByRole("heading", { name: "Share your records with Demo Clinic?" }).waitFor();
    await fitsTheWindow(page);
    const callback = await answer(page, "Allow");
    assert.equal((await callback.allHeaders())["sec-fetch-site"], "cross-site");
    await seesOutcome(page, `${FACILITY} is connected`);
    assert.match((await hospitals(page)).join(), new RegExp(`${FACILITY}[^]*Connected`));
    await fitsTheWindow(page);
    await page.getByText(RECORDS_HERE).first().waitFor();
    await page.reload();
    await field(page).waitFor();
    assert.equal(await page.getByRole("heading", { name: /is connected/ }).count(), 0);
    assert.match((await hospitals(page)).join(), new RegExp(`${FACILITY}[^]*Connected · 320 records`));
    await fitsTheWindow(page);
  });
}

test("records arrive while the patient looks on, and stand on the clinic's page thereafter", async () => {
  const { page } = await arrives(390);
  await pick(page, "otterbrook", "Otterbrook Regional Medical Center");
  await signIn(page);
  await answer(page, "Allow");
  await seesOutcome(page, "Otterbrook Regional Medical Center is connected");
  assert.match(
    (await hospitals(page)).join(),
    /Otterbrook Regional Medical Center\s+Connected · records are on their way/,
  );
  await page.getByText(/^Your records are arriving: \d+ so far$/).waitFor();
  await isAccessible(page);
  await page.getByText(RECORDS_HERE).first().waitFor();
  await isAccessible(page);
  await page.getByRole("link", { name: "Look again" }).click();
  await page.waitForURL(`${demo.origin}/`);
  assert.match((await hospitals(page)).join(), /Otterbrook Regional Medical Center\s+Connected · 320 records/);
  const known = page.getByRole("region", { name: "What we know from them" }).getByRole("listitem");
  assert.match((await known.allInnerTexts()).join(), /Hypertensive disorder/);
  await isAccessible(page);
});

test("denied: nothing was shared; trying again leads to the same hospital and can still be allowed", async () => {
  const { page } = await arrives(390);
  await pick(page, "saint delphine", "Saint Delphine Hospital");
  await signIn(page);
  await answer(page, "Deny");
  await seesOutcome(page, "Nothing was shared");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForURL(/\/saint-delphine-hospital\/sign-in/);
  await signIn(page);
  await answer(page, "Allow");
  await seesOutcome(page, "Saint Delphine Hospital is connected");
});

test("a link that was used up says that it has expired", async () => {
  const { page } = await arrives(390);
  const opened = page.waitForRequest((request) => new URL(request.url()).pathname.startsWith("/api/connect/"));
  await pick(page, "wexcombe university", "Wexcombe University Hospital");
  const link = (await opened).url();
  await signIn(page);
  await answer(page, "Allow");
  await seesOutcome(page, "Wexcombe University Hospital is connected");
  await page.goto(link);
  await seesOutcome(page, "This link has expired");
});

test("a link that ran out while the patient was at the hospital says that it has expired", async () => {
  const { page } = await arrives(390);
  await pick(page, "ironbridge university", "Ironbridge University Hospital");
  await page.waitForURL(/\/sign-in/);
  await expireSessions(demo.folder);
  await signIn(page);
  await answer(page, "Allow");
  await seesOutcome(page, "This link has expired");
  await page.getByRole("button", { name: "Start again" }).click();
  await page.waitForURL(/\/ironbridge-university-hospital\/sign-in/);
});

test("two tabs, two hospitals, answered in the other order: both connected", async () => {
  const { page: one, context } = await arrives();
  const two = await context.newPage();
  await two.goto(demo.origin);
  await pick(one, "alder creek", "Alder Creek County Hospital");
  await pick(two, "fairweather", "Fairweather Orthopedics");
  await signIn(one);
  await signIn(two);
  await answer(two, "Allow");
  await seesOutcome(two, "Fairweather Orthopedics is connected");
  await answer(one, "Allow");
  await seesOutcome(one, "Alder Creek County Hospital is connected");
  const listed = (await hospitals(one)).join();
  assert.match(listed, /Alder Creek County Hospital/);
  assert.match(listed, /Fairweather Orthopedics/);
});

test("by keyboard alone", async () => {
  const { page } = await arrives();
  const focusOn = async (name: string): Promise<void> => {
    for (let press = 0; press < 20; press += 1) {
      await page.keyboard.press("Tab");
      const focused = page.locator(":focus");
      if ((await focused.count()) && (await focused.first().innerText()) === name) return;
    }
    assert.fail(`Tab does not reach ${name}`);
  };
  while ((await page.locator("mb-connect input:focus").count()) === 0) await page.keyboard.press("Tab");
  await page.keyboard.type("kestrel bay", { delay: 20 });
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/sign-in/);
  await focusOn("Sign in");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/consent/);
  await focusOn("Allow");
  await page.keyboard.press("Enter");
  await seesOutcome(page, /is connected$/);
  assert.match(await page.locator("mb-connect :focus").innerText(), /is connected$/);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`nothing on the way that an accessibility checker finds, ${colorScheme}`, async () => {
    const { page } = await arrives(390);
    await page.emulateMedia({ colorScheme });
    await isAccessible(page);
    await field(page).fill("hospital");
    await page.getByRole("option").first().waitFor();
    await isAccessible(page);
    await pick(page, "ravensworth", "Ravensworth Orthopedics");
    await page.waitForURL(/\/sign-in/);
    await isAccessible(page);
    await signIn(page);
    await page.waitForURL(/\/consent/);
    await isAccessible(page);
    await answer(page, "Allow");
    await seesOutcome(page, "Ravensworth Orthopedics is connected");
    await isAccessible(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "You are signed out" }).waitFor();
    await isAccessible(page);
  });
}

test("who switches patients while at the hospital shares nothing", async () => {
  const { page, context, complaints } = await arrives();
  await pick(page, "pinnacle bend", "Pinnacle Bend Medical Center");
  await signIn(page);
  const other = await context.newPage();
  await other.goto(demo.origin);
  await other.getByRole("button", { name: "Switch to Kit Testworth" }).click();
  await other.getByText("Signed in as Kit Testworth").waitFor();
  await answer(page, "Allow");
  await page.getByRole("heading", { name: "Someone else is signed in" }).waitFor();
  assert.deepEqual(await hospitals(other), []);
  // The page is a 403, which a browser's console mentions.
  complaints.splice(0, complaints.length, ...complaints.filter((line) => !line.includes("403")));
});

describe("a facility with a fault ends on a calm screen", () => {
  for (const [fault, heading] of Object.entries({
    "never answers": "We could not connect",
    "answers HTML": "We could not connect",
  })) {
    test(`${fault}, before the portal`, async () => {
      const { page } = await arrives(390);
      await pick(page, fault, `Test server: ${fault}`);
      await seesOutcome(page, heading);
      await page.getByRole("button", { name: "Try again" }).waitFor();
    });
  }
  test("declines", async () => {
    const { page } = await arrives(390);
    await pick(page, "test declines", "Test server: declines");
    await signIn(page);
    await seesOutcome(page, "Nothing was shared");
  });
  for (const [fault, heading] of Object.entries({
    "wrong issuer": "We could not connect",
    "dead token endpoint": "We could not connect",
    "without refresh token": "Test server: without refresh token is connected",
    "fewer scopes": "Test server: fewer scopes is connected",
  })) {
    test(`${fault}, after the portal`, async () => {
      const { page } = await arrives(390);
      await pick(page, fault, `Test server: ${fault}`);
      await signIn(page);
      await answer(page, "Allow");
      await seesOutcome(page, heading);
    });
  }
});
