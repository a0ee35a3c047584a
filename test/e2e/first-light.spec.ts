// A person's first hour with Holdfast, in a real browser against a real engine and agent.
import { mkdirSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { adminPassword, Lab, poolPassword } from '../helpers/programs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';

const mib = 1024 * 1024;
let lab: Lab;
let page: Page;
let images: string;

test.describe.configure({ mode: 'serial' });

test.beforeAll(async ({ browser }) => {
  lab = await Lab.create();
  await lab.startEngine();
  await lab.initAgent('node1');
  await lab.startAgent('node1');
  images = lab.path('images');
  mkdirSync(images);
  await writeRandomFile(`${images}/web.raw`, 900 * mib, [{ at: 0, length: 700 * mib }]);
  page = await browser.newPage();
});
test.afterAll(() => lab.close());

const main = () => page.getByRole('main');
const row = (name: RegExp | string) => page.getByRole('row').filter({ hasText: name });

test('nothing is shown before sign-in, and a wrong password says so', async () => {
  await page.goto(String(lab.engine.ready['url']));
  await page.getByRole('textbox', { name: 'User' }).fill('admin');
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('wrong');
  await expect(page.getByRole('navigation', { name: 'Main' })).toHaveCount(0);
});

test('sign in, and stay signed in after a reload', async () => {
  await page.getByLabel('Password', { exact: true }).fill(adminPassword);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Objects' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Objects' })).toBeVisible();
});

test('the waiting client is announced and authorized by a right click', async () => {
  await page.getByRole('contentinfo').getByText('1 unauthorized client').click();
  await expect(page).toHaveURL(/administration\/clients/u);
  await row('node1').click({ button: 'right' });
  await page.getByRole('menuitem', { name: /^Authorize/u }).click();
  await page
    .getByRole('button', { name: /^Authorize$/u })
    .last()
    .click();
  await expect(page.getByRole('contentinfo').getByText('unauthorized client')).toHaveCount(0);
  await expect(page.getByRole('complementary')).toHaveCount(0);
  await page
    .getByRole('navigation', { name: 'Clients' })
    .getByRole('link', { name: /^Clients/u })
    .click();
  await expect(row('node1').getByText('Online')).toBeVisible();
});

test('add a platform: its VMs are listed at once', async () => {
  await page.getByRole('link', { name: 'Objects' }).click();
  await page.getByRole('button', { name: 'Add platform' }).first().click();
  const form = page.getByRole('complementary', { name: 'Add platform' });
  await form.getByRole('combobox', { name: 'Kind' }).click();
  await page.getByRole('option', { name: /image/iu }).click();
  await form
    .getByRole('textbox', { name: 'Folder' })
    .or(form.getByRole('textbox', { name: 'Path' }))
    .fill(images);
  await form.getByRole('textbox', { name: 'Name' }).fill('images');
  await form.getByRole('button', { name: 'Add platform' }).click();
  await expect(form).toHaveCount(0);
  await page.getByRole('link', { name: 'Objects' }).click();
});

test('add a pool', async () => {
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('link', { name: /^Pools/u }).click();
  await page.getByRole('button', { name: 'Add pool' }).first().click();
  const form = page.getByRole('complementary', { name: 'Add pool' });
  await form.getByRole('textbox', { name: 'Name' }).fill('Default');
  await form.getByRole('textbox', { name: 'Path' }).fill(lab.path('pool'));
  await form.getByRole('textbox', { name: 'Password' }).fill(poolPassword);
  await form.getByRole('textbox', { name: 'Repeat' }).fill(poolPassword);
  await form.getByRole('button', { name: 'Add pool' }).click();
  await expect(form).toHaveCount(0);
});

test('make a rule and run it from its context menu', async () => {
  await page.getByRole('link', { name: 'Global schedule' }).click();
  await page.getByRole('button', { name: 'New rule' }).first().click();
  const form = page.getByRole('complementary', { name: 'New rule' });
  await form.getByRole('textbox', { name: 'Name' }).fill('nightly');
  await form
    .getByRole('combobox', { name: 'VMs' })
    .or(form.getByRole('textbox', { name: 'VMs' }))
    .first()
    .click();
  await page.getByRole('option', { name: /web\.raw/u }).click();
  await page.keyboard.press('Escape');
  await form.getByRole('button', { name: /^(Apply|Create|Add rule|New rule)$/u }).click();
  await expect(form).toHaveCount(0);
  await row('nightly').first().click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Run now' }).click();
});

test('watch its progress without a reload until it is done', async () => {
  await page.getByRole('link', { name: 'Task queue' }).click();
  await expect(main().getByText(/\d\s%/u).first()).toBeVisible();
  await expect(row('web.raw').first().getByText('Done')).toBeVisible({ timeout: 60_000 });
});

test('the opened task says why a disk was read whole, and what it cost', async () => {
  await row('web.raw').first().click();
  await expect(main().getByText('This platform does not track changes.')).toBeVisible();
  await expect(main().getByText(/It cost .* of reading/u)).toBeVisible();
  await expect(main().getByText('Crash', { exact: true })).toBeVisible();
});

test('another type is offered beside Run now, and a rule can require consistency', async () => {
  await page.getByRole('link', { name: 'Global schedule' }).click();
  await row('nightly').first().click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Edit' }).click();
  const form = page.getByRole('complementary', { name: 'nightly' });
  await expect(
    form
      .getByRole('textbox', { name: 'Backup type' })
      .or(form.getByRole('combobox', { name: 'Backup type' }))
      .first(),
  ).toHaveValue('Incremental');
  await form.getByRole('switch', { name: 'Require it' }).click({ force: true });
  await expect(form.getByRole('switch', { name: 'Freeze the guest' })).toBeDisabled();
  await form.getByRole('textbox', { name: 'Script before' }).fill('relative/path');
  await form.getByRole('button', { name: 'Apply' }).click();
  await expect(form.getByText(/absolute/u).first()).toBeVisible();
  await form.getByRole('textbox', { name: 'Script before' }).fill('');
  await form.getByRole('button', { name: 'Apply' }).click();
  await expect(form).toHaveCount(0);
  await row('nightly').first().click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Run full now' }).click();
  await page.getByRole('link', { name: 'Task queue' }).click();
  await expect(main().getByText('consistencyNotReached')).toBeVisible({ timeout: 60_000 });
});

test('a pool changes how it writes', async () => {
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('link', { name: /^Pools/u }).click();
  await row('Default').first().click();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const form = page.getByRole('complementary', { name: 'Default' });
  await form.getByRole('textbox', { name: 'Limit' }).fill('64');
  await form.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByText('64.0 MiB/s')).toBeVisible();
});

test('restore the point into a folder from its context menu', async () => {
  await page.getByRole('link', { name: 'Repository' }).click();
  await row('web.raw').last().click({ button: 'right' });
  await page.getByRole('menuitem', { name: /^Restore/u }).click();
  await expect(page).toHaveURL(/restore\/1/u);
  await page
    .getByRole('textbox', { name: 'Folder' })
    .or(page.getByRole('textbox', { name: 'Path' }))
    .first()
    .fill(lab.path('out'));
  const accept = page.getByRole('checkbox', { name: /not verified/iu });
  if ((await accept.count()) > 0) await accept.check();
  await main().getByRole('button', { name: 'Restore', exact: true }).click();
  await expect(page).toHaveURL(/tasks/u);
  await expect(row('Restore, directory').first().getByText('Done')).toBeVisible({ timeout: 60_000 });
  const [point] = await lab.rows('backups', 'list');
  expect(await hashFile(lab.path('out', String(point?.['objectUuid']), 'disks', 'web.raw', 'disk.raw'))).toBe(
    await hashFile(`${images}/web.raw`),
  );
});

test('the loss of the engine is shown, and everything comes back by itself', async () => {
  await lab.engine.kill('SIGKILL');
  await expect(page.getByText(/connection.*lost/iu).first()).toBeVisible();
  await lab.startEngine();
  await expect(page.getByRole('contentinfo').getByText('Connected')).toBeVisible({ timeout: 30_000 });
});

test('sign out', async () => {
  await page.getByRole('button', { name: /Account/u }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
});
