import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isPageUrl, schemePrivileges, servePage } from '../../electron/app-protocol.ts';

let folder: string;
let ask: (url: string, init?: RequestInit) => Promise<Response>;
const errors: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-page-'));
  const page = join(folder, 'page');
  await mkdir(join(page, 'assets', 'sub'), { recursive: true });
  await writeFile(join(page, 'index.html'), '<meta name="csp-nonce" content="__CSP_NONCE__">__CSP_NONCE__');
  await writeFile(join(page, 'assets', 'main-1a2b.js'), 'export {};');
  await writeFile(join(folder, 'secret.js'), 'secret');
  await writeFile(join(page, 'outside.js'), 'outside');
  const handle = (_scheme: string, handler: (request: Request) => Promise<Response>) => {
    // A Request of Node refuses no scheme, but normalises: the handler must be safe whatever arrives.
    ask = (url, init) => handler({ url, method: init?.method ?? 'GET' } as Request);
  };
  servePage({ handle }, page, (reason) => errors.push(reason));
});

afterAll(() => rm(folder, { recursive: true }));

test('every deep address gives the page under its policy, with a fresh nonce', async () => {
  const nonces = new Set<string>();
  for (const path of ['/', '/rules', '/administration/clients']) {
    const answer = await ask(`holdfast-app://console${path}`);
    expect(answer.status).toBe(200);
    const policy = answer.headers.get('content-security-policy') ?? '';
    const nonce = /'nonce-([^']+)'/u.exec(policy)?.[1] ?? '';
    expect(await answer.text()).toBe(`<meta name="csp-nonce" content="${nonce}">${nonce}`);
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).not.toMatch(/unsafe|\*/u);
    nonces.add(nonce);
  }
  expect(nonces.size).toBe(3);
});

test('assets come with their type and no sniffing', async () => {
  const answer = await ask('holdfast-app://console/assets/main-1a2b.js');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(await answer.text()).toBe('export {};');
});

test.each([
  '/assets/..%2foutside.js',
  '/assets/..%2f..%2fsecret.js',
  '/assets/%2e%2e/%2e%2e/secret.js',
  '/assets/%00',
  '/assets/%',
  '/assets/sub',
  '/assets/',
  '/assets/none.js',
  `/assets/${'a'.repeat(5000)}`,
])('%s gives no file', async (path) => {
  const answer = await ask(`holdfast-app://console${path}`);
  const text = await answer.text();
  expect(text).not.toMatch(/secret|outside/u);
  // The parser resolves %2e%2e itself; the address is then an ordinary one of the page.
  expect(path.includes('%2e%2e/') ? answer.status === 200 : answer.status === 404).toBe(true);
  expect(errors).toEqual([]);
});

test('other hosts and other methods are refused', async () => {
  expect((await ask('holdfast-app://elsewhere/')).status).toBe(404);
  expect((await ask('holdfast-app://console/', { method: 'POST' })).status).toBe(405);
});

test('only our own origin counts as the page', () => {
  expect(isPageUrl('holdfast-app://console/x?y#z')).toBe(true);
  for (const url of ['holdfast-app://console:1/', 'holdfast-app://console.org/', 'https://console/', ''])
    expect(isPageUrl(url)).toBe(false);
  expect(schemePrivileges.privileges).not.toHaveProperty('bypassCSP');
});
