import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Vault } from '../../engine/secrets.ts';
import { Secret } from '../../shared/schema.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

test('a sealed secret is opened by the same key for the same purpose only', async () => {
  const folder = await temporaryFolder();
  const vault = await Vault.open(folder);
  const sealed = vault.seal(new Secret('pässword'), 'repository:1');
  expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('ssword');
  expect(vault.seal(new Secret('pässword'), 'repository:1')).not.toBe(sealed);
  expect((await Vault.open(folder)).open(sealed, 'repository:1').reveal()).toBe('pässword');
  expect(() => vault.open(sealed, 'repository:2')).toThrow(expect.objectContaining({ code: 'internal' }) as Error);
  const stranger = await Vault.open(await temporaryFolder());
  expect(() => stranger.open(sealed, 'repository:1')).toThrow(/secret.key/u);
});

test('a changed or cut ciphertext is refused', async () => {
  const vault = await Vault.open(await temporaryFolder());
  const bytes = Buffer.from(vault.seal(new Secret('password'), 'p'), 'base64');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(() => vault.open(changed.toString('base64'), 'p')).toThrow(/cannot be decrypted/u);
    expect(() => vault.open(bytes.subarray(0, at).toString('base64'), 'p')).toThrow(/cannot be decrypted/u);
  }
});

test('the key is for its owner only, and a damaged one is not replaced', async () => {
  const folder = await temporaryFolder();
  await Vault.open(folder);
  const path = join(folder, 'secret.key');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await writeFile(path, 'short');
  await expect(Vault.open(folder)).rejects.toMatchObject({ code: 'invalidValue' });
  expect(await readFile(path, 'utf8')).toBe('short');
});
