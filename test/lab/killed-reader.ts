import { TestScope } from '../agent/platforms/job-scope.ts';
import { openSource } from '../agent/platforms/open-source.ts';
import { labPlatform } from './libvirt-lab.ts';

/** Opens a VM, reads a little, prints its journal and dies without a word, as an agent under `kill -9`. */
const [, , uuid = '', readPath] = process.argv;
const scope = new TestScope();
const source = await openSource(labPlatform(readPath === 'snapshot' ? 'snapshot' : 'backup'), uuid, scope);
await source.disks[0]?.disk.read(0, 65_536);
const text = scope.open.map((resource) => JSON.stringify(resource)).join('\n');
process.stdout.write(`${text}\n`, () => process.kill(process.pid, 'SIGKILL'));
