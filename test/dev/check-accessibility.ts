// Runs axe over every address of a console, in both themes: node test/dev/check-accessibility.ts [url] [path of Chromium]
// Start test/dev/fake-console.ts first; its data fill every list. Exits 1 when something was found.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Page } from '@playwright/test';

const base = process.argv[2] ?? 'http://127.0.0.1:7777';
const executablePath = process.argv[3] ?? '/usr/bin/chromium';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const addresses = [
  '/objects',
  '/objects?vm=3',
  '/objects?vm=3&tab=rules',
  '/objects?vm=3&tab=backups',
  '/objects?form=platform',
  '/schedule',
  '/schedule?rule=1',
  '/repository?point=9201',
  '/restore/9201',
  '/tasks',
  '/tasks/41208',
  '/tasks/41187',
  '/logs',
  '/administration/clients?client=1',
  '/administration/clients?show=unauthorized&client=5',
  '/administration/clients?form=client',
  '/administration/clients?form=ssh',
  '/administration/groups?group=2',
  '/administration/groups?group=1&form=edit',
  '/administration/groups?form=group',
  '/administration/platforms?platform=1',
  '/administration/pools?pool=1',
  '/administration/pools?pool=2',
  '/administration/pools?pool=3',
  '/administration/pools?form=pool',
];

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

async function findings(page: Page): Promise<Finding[]> {
  await page.evaluate(axe);
  return page.evaluate<Finding[]>(
    'axe.run(document, { resultTypes: ["violations"] }).then((result) => result.violations)',
  );
}

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
let count = 0;
for (const colorScheme of ['light', 'dark'] as const) {
  // axe is injected as a script, which the page's policy forbids; only this check goes around it.
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme, bypassCSP: true });
  const page = await context.newPage();
  for (const address of addresses) {
    await page.goto(base + address);
    await page.getByRole('contentinfo').getByText('Connected').waitFor();
    await page.waitForTimeout(400);
    for (const { id, impact, nodes } of await findings(page)) {
      count++;
      console.log(
        `${colorScheme} ${address}: ${id} (${impact}), ${nodes.length} times: ${nodes[0]?.html.slice(0, 160)}`,
      );
    }
  }
  await context.close();
}
await browser.close();
console.log(`${addresses.length} addresses, 2 themes: ${count} findings`);
process.exitCode = count === 0 ? 0 : 1;
