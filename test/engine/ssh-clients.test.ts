import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { enrol } from '../../engine/agents/enrolment.ts';
import { introduce, readmit } from '../../engine/agents/ssh/ssh-admission.ts';
import { decideClient, getClient, type Introduction, listClients } from '../../engine/database/clients.ts';
import {
  assertClientNameFree,
  forgetSshClient,
  getSshKey,
  insertSshClient,
  listSshClientIds,
  sshAddressOf,
} from '../../engine/database/ssh-clients.ts';
import { challengePrefix } from '../../shared/contract/agent/link.ts';
import type { Hello } from '../../shared/contract/manager/all.ts';
import { sshAddressSchema } from '../../shared/model/ssh.ts';
import { Secret } from '../../shared/schema.ts';
import { addClient, engineParts, type EngineParts } from '../helpers/engine-parts.ts';

const nonce = Buffer.alloc(32, 7).toString('base64');
const fingerprint = `SHA256:${'B'.repeat(43)}`;
const address = sshAddressSchema.parse({ host: 'node1', user: 'root', hostKey: `SHA256:${'K'.repeat(43)}` });
const location = 'ssh://root@node1:22';
const code = (wanted: string) => expect.objectContaining({ code: wanted }) as Error;

function rawKey(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
}

function agent() {
  const keys = generateKeyPairSync('ed25519');
  const said = { contract: 1, version: '0.1.0', system: 'test', capabilities: [], jobs: [] };
  const hello = (prefix = challengePrefix, signed = nonce, change: Partial<Hello> = {}): Hello => {
    const text = Buffer.concat([Buffer.from(prefix), Buffer.from(signed, 'base64')]);
    const signature = sign(null, text, keys.privateKey).toString('base64');
    const own = { name: 'of the agent', hwid: '0123-4567-89ab-cdef', signKey: rawKey(keys.publicKey) };
    return { ...said, ...own, proof: { fingerprint, signature }, ...change };
  };
  return { hello };
}

describe('the proof over SSH', () => {
  const { hello } = agent();
  test.each<[string, Hello]>([
    ['no proof', hello(challengePrefix, nonce, { proof: undefined })],
    ['a signature of another nonce', hello(challengePrefix, Buffer.alloc(32, 8).toString('base64'))],
    ['a signature without our prefix', hello('')],
    [
      'the key of another',
      hello(challengePrefix, nonce, { signKey: rawKey(generateKeyPairSync('ed25519').publicKey) }),
    ],
    ['a key that is none', hello(challengePrefix, nonce, { signKey: 'abc' })],
  ])('is not %s', (_name, said) => {
    expect(() => introduce(said, nonce, location)).toThrow(code('certificateMismatch'));
  });

  test('brings the fingerprint that would be seen over TLS', () => {
    expect(introduce(hello(), nonce, location)).toMatchObject({ fingerprint, address: location });
  });
});

describe('a client over SSH', () => {
  let parts: EngineParts;
  let known: Introduction;
  const one = agent();
  beforeEach(async () => {
    parts = await engineParts();
    known = { ...introduce(one.hello(), nonce, location), name: 'node1' };
  });
  const add = (introduction = known) =>
    insertSshClient(parts.db, introduction, { address, privateKey: new Secret('key'), by: 'admin' }, parts.vault);

  test('is authorized at once and kept with its key, its name is the operator’s', async () => {
    const { id } = await add();
    const row = await getClient(parts.db, id);
    expect(row).toMatchObject({ name: 'node1', decision: 'authorized', decided_by: 'admin', transport: 'ssh' });
    expect(sshAddressOf(row)).toEqual({ ...address, port: 22, command: 'holdfast-agent stdio' });
    expect((await getSshKey(parts.db, id, parts.vault)).reveal()).toBe('key');
    expect(await listSshClientIds(parts.db)).toEqual([id]);
    await expect(assertClientNameFree(parts.db, 'node1')).rejects.toThrow(code('nameTaken'));
    expect(await readmit(parts, id, one.hello(), nonce)).toMatchObject({ id, name: 'node1' });
  });

  test('is not added twice; a removed one comes back under its number with its own keys only', async () => {
    const { id } = await add();
    await expect(add()).rejects.toThrow(code('nameTaken'));
    await decideClient(parts.db, id, 'removed', 'admin');
    const other = introduce(agent().hello(), nonce, location);
    await expect(add({ ...other, name: 'node1' })).rejects.toThrow(code('certificateMismatch'));
    expect((await add()).id).toBe(id);
  });

  test('that did not stay leaves nothing, or what was there before', async () => {
    const { id } = await add();
    await forgetSshClient(parts.db, id, undefined);
    expect(await listClients(parts.db)).toEqual([]);
    await expect(getSshKey(parts.db, id, parts.vault)).rejects.toThrow(code('notFound'));
    const waiting = await getClient(parts.db, await addClient(parts.db, 'node1'));
    await decideClient(parts.db, waiting.id, 'removed', 'admin');
    const before = await getClient(parts.db, waiting.id);
    const { hwid, fingerprint: pinned, sign_key: signKey } = before;
    await add({ ...known, hwid, fingerprint: pinned, signKey });
    await forgetSshClient(parts.db, before.id, before);
    expect(await getClient(parts.db, before.id)).toEqual(before);
  });

  test.each<[string, Hello]>([
    ['keys', agent().hello()],
    [
      'certificate',
      one.hello(challengePrefix, nonce, {
        proof: { ...proofOf(one.hello()), fingerprint: `SHA256:${'C'.repeat(43)}` },
      }),
    ],
    ['HWID', one.hello(challengePrefix, nonce, { hwid: 'ffff-ffff-ffff-ffff' })],
  ])('is refused with another %s', async (_what, hello) => {
    const { id } = await add();
    await expect(readmit(parts, id, hello, nonce)).rejects.toThrow(code('certificateMismatch'));
  });

  test('is not readmitted once it is removed', async () => {
    const { id } = await add();
    await decideClient(parts.db, id, 'removed', 'admin');
    await expect(readmit(parts, id, one.hello(), nonce)).rejects.toThrow(code('clientRemoved'));
    expect(await listSshClientIds(parts.db)).toEqual([]);
  });

  test('may not dial as well; once it is removed it dials, and waits to be authorized so', async () => {
    const { id } = await add();
    const deps = { ...parts, localFingerprint: () => undefined };
    const dial = () => enrol(deps, one.hello(), { fingerprint, address: '10.0.0.1' });
    await expect(dial()).rejects.toThrow(code('duplicateHwid'));
    await decideClient(parts.db, id, 'removed', 'admin');
    await expect(dial()).rejects.toThrow(code('clientRemoved'));
    expect(await getClient(parts.db, id)).toMatchObject({ transport: 'websocket', ssh: null });
    await decideClient(parts.db, id, 'authorized', 'admin');
    expect(await dial()).toMatchObject({ id });
  });
});

function proofOf({ proof }: Hello) {
  if (proof === undefined) throw new Error('no proof');
  return proof;
}
