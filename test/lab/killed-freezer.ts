import { parseDomain } from '../../agent/platforms/libvirt/domain.ts';
import { GuestFreeze } from '../../agent/platforms/libvirt/guest/guest-freeze.ts';
import { Virsh } from '../../agent/platforms/libvirt/virsh.ts';
import { quiesceSchema } from '../../shared/model/job.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { labUri } from './lab.ts';

/** Freezes a guest, prints when, and dies without a word, as an agent under `kill -9`. Arguments: domain, registry. */
const [, , name = '', folder = ''] = process.argv;
const virsh = new Virsh(labUri);
const domain = parseDomain(await virsh.run(['dumpxml', name]));
const roots = { run: '/nowhere', scratch: '/nowhere', frozen: folder };
const quiesce = quiesceSchema.parse({});
const helper = GuestFreeze.startHelper(quiesce, roots);
const freeze = await GuestFreeze.prepare(virsh, domain, { quiesce, helper, roots, scope: new TestScope() });
await freeze.freeze();
const text = JSON.stringify({ ...freeze.result(), helper: freeze.helperPid });
process.stdout.write(`${text}\n`, () => process.kill(process.pid, 'SIGKILL'));
