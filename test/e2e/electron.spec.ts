import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, expect, test } from '@playwright/test';
import { electronBinary } from '../../build/start-electron.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const binary = electronBinary();

test.skip(binary === undefined, "Electron's binary is not installed");

test('the desktop shell opens the console on an embedded engine', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-electron-'));
  const app = await _electron.launch({
    ...(binary === undefined ? {} : { executablePath: binary }),
    args: [root, '--data', folder],
    env: { ...process.env, HOLDFAST_NODE: process.execPath } as Record<string, string>,
  });
  try {
    const page = await app.firstWindow();
    // The first start asks for the administrator's password: shell, port, engine and page work together then.
    await expect(page.locator('input[type="password"]').first()).toBeVisible();
    expect(page.url()).toBe('holdfast-app://console/');
    expect(
      await page.evaluate(() => [typeof Reflect.get(globalThis, 'require'), typeof Reflect.get(globalThis, 'process')]),
    ).toEqual(['undefined', 'undefined']);
  } finally {
    await app.close();
    await rm(folder, { recursive: true, force: true });
  }
});
