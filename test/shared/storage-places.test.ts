import { expect, test } from 'vitest';
import { locationOf, placeBelow, storageTargetSchema } from '../../shared/model/storage.ts';

const hostKey = `SHA256:${'A'.repeat(43)}`;
const place = 'node1-1a2b3c4d';

test.each([
  [{ kind: 'local', path: '/srv/backups' }, '/srv/backups/node1-1a2b3c4d'],
  [{ kind: 'local', path: '/srv/backups/' }, '/srv/backups/node1-1a2b3c4d'],
  [{ kind: 'sftp', url: 'sftp://u@h/rel', hostKey }, 'sftp://u@h/rel/node1-1a2b3c4d'],
  // Two slashes are the root, one is the home: neither may become the other.
  [{ kind: 'sftp', url: 'sftp://u@h//', hostKey }, 'sftp://u@h//node1-1a2b3c4d'],
  [{ kind: 'sftp', url: 'sftp://u@h:2222//srv', hostKey }, 'sftp://u@h:2222//srv/node1-1a2b3c4d'],
  [{ kind: 'sftp', url: 'sftp://u@h', hostKey }, 'sftp://u@h/node1-1a2b3c4d'],
  [{ kind: 'rest', url: 'https://h:8000/', user: 'u' }, 'https://h:8000/node1-1a2b3c4d'],
  [{ kind: 'rest', url: 'http://h:8000/u' }, 'http://h:8000/u/node1-1a2b3c4d'],
  [{ kind: 's3', url: 'https://h/bucket', accessKey: 'k' }, 'https://h/bucket/node1-1a2b3c4d'],
  [{ kind: 's3', url: 'https://h/bucket/prefix/', accessKey: 'k' }, 'https://h/bucket/prefix/node1-1a2b3c4d'],
])('a place below %j', (given, wanted) => {
  const storage = storageTargetSchema.parse({ ...given, ...(given.kind !== 'local' && { credential: 'secret' }) });
  const below = placeBelow(storage, place);
  expect(locationOf(below)).toBe(wanted);
  // It is an address of its kind still, with everything else that opens the storage.
  expect({ ...below, path: '', url: '' }).toEqual({ ...storage, path: '', url: '' });
  expect(placeBelow(storage, null)).toBe(storage);
});
