import { expect, test } from 'vitest';
import { backupTag, type Manifest, manifestSchema, manifestText, tagOf, vmPath } from '../../shared/format.ts';

const uuid = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-000000000000`;

const manifest: Manifest = {
  format: 1,
  backupUuid: uuid('1'),
  engineUuid: uuid('2'),
  client: { hwid: '0000-1111-2222-3333', name: 'host' },
  platform: { uuid: uuid('3'), kind: 'libvirt', name: 'lab' },
  objectUuid: uuid('4'),
  rule: null,
  type: 'full',
  parentUuid: null,
  createdAt: '2026-01-02T03:04:05.000Z',
  zone: 'Europe/Berlin',
  consistency: { asked: 'filesystem', reached: 'crash', frozenAt: null, thawedAt: null },
  transform: null,
  files: { 'vm.json': 'a'.repeat(64) },
  disks: [],
};

test('the text of a manifest does not depend on the order in which it was made', () => {
  const shuffled = Object.fromEntries(Object.entries(manifest).reverse()) as Manifest;
  const text = manifestText(manifest);
  expect(manifestText(shuffled)).toBe(text);
  expect(text.startsWith('{"format":1,"backupUuid":')).toBe(true);
  expect(text.endsWith('}\n')).toBe(true);
  expect(manifestSchema.parse(JSON.parse(text))).toEqual(manifest);
});

test.each([
  ['another format', { format: 2 }],
  ['no UUID', { backupUuid: 'x' }],
  ['a digest of another length', { files: { 'vm.json': 'ab' } }],
  ['too many disks', { disks: Array.from({ length: 1001 }, () => ({})) }],
])('a manifest with %s is refused', (_what, change) => {
  expect(manifestSchema.safeParse({ ...manifest, ...change }).success).toBe(false);
});

test('tags hold no comma and no control character, which restic would split or garble', () => {
  expect(tagOf('vm', 'a,b\nc\u0007d\u007fe')).toBe('vm=a_b_c_d_e');
  expect(tagOf('vm', '名前 ü=x')).toBe('vm=名前 ü=x');
  expect(backupTag(uuid('1'))).toBe(`backup=${uuid('1')}`);
  expect(vmPath(uuid('4'))).toBe(`/vm/${uuid('4')}`);
});
