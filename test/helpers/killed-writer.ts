import { createRepository } from '../../agent/repository/repository.ts';
import { LocalStorage } from '../../agent/repository/storage/local.ts';
import { BufferSource, testBytes } from './byte-sources.ts';
import { testKdf } from './repository-settings.ts';

/*
 * A program of its own that the crash tests kill: it makes a repository at argv[2] with the password from standard
 * input, stores disks and small snapshots without end, and prints a line per batch.
 */
const [, , path = ''] = process.argv;
let password = '';
for await (const chunk of process.stdin) password += String(chunk);
const repository = await createRepository(new LocalStorage(path), password, { kdf: testKdf });
const lock = await repository.lock();
const writer = repository.startSnapshot(lock, { signal: lock.signal });
for (let seed = 1; ; seed++) {
  const source = new BufferSource(testBytes(24 * 1024 * 1024, seed));
  const plan = await writer.planDisk(source, { cellBytes: 256 * 1024 });
  const disk = await writer.writeDisk(source, plan, {
    onProgress: ({ bytesStored }) => process.stdout.write(`${seed} ${bytesStored}\n`),
  });
  const finished = repository.startSnapshot(lock, { signal: lock.signal });
  const file = await finished.writeFile(Buffer.from(disk.digest));
  await finished.finish({ tree: { digest: file }, paths: ['/'], hostname: 'h', tags: [], time: seed * 1000 });
}
