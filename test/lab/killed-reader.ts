import { createPlatform } from '../../agent/platforms/all.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { labUri } from './lab.ts';

/** Opens a VM, reads a little, prints its journal and dies without a word, as an agent under `kill -9`. */
const roots = { run: '/run/holdfast/lab00001', scratch: '/var/lib/holdfast-scratch/lab00001' };
const platform = createPlatform(
  'libvirt',
  { uri: labUri },
  { uuid: '00000000-0000-4000-8000-000000000000', name: 'lab', roots },
);
const scope = new TestScope();
const source = await platform.openSource(process.argv[2] ?? '', scope);
await source.disks[0]?.read(0, 65_536);
const text = scope.open.map((resource) => JSON.stringify(resource)).join('\n');
process.stdout.write(`${text}\n`, () => process.kill(process.pid, 'SIGKILL'));
