import type { Quiesce } from '../../../shared/model/job.ts';
import type { InventoryObject } from '../../../shared/model/vm.ts';
import { findProgram } from '../../disks/find-program.ts';
import { messageOf } from '../../../shared/errors.ts';
import type { Check, Deployment, DeployRequest, JobScope, Platform, SourceProspect } from '../platform.ts';
import type { Roots } from '../roots.ts';
import { LibvirtDeployment } from './deployment.ts';
import { frozenSince, thawGuest } from './guest/thaw.ts';
import { listDomains } from './inventory.ts';
import type { ReadSettings } from './source.ts';
import { inspectDomain } from './source.ts';
import { Virsh } from './virsh.ts';

/** Virtual machines of one libvirt connection, driven through virsh. */
export class Libvirt implements Platform {
  readonly #uri: string;
  readonly #readPath: 'backup' | 'snapshot';
  readonly #roots: Roots;

  constructor(settings: Omit<ReadSettings, 'roots'>, roots: Roots) {
    this.#uri = settings.uri;
    this.#readPath = settings.readPath;
    this.#roots = roots;
  }

  async test(signal: AbortSignal): Promise<Check[]> {
    const virsh = new Virsh(this.#uri);
    return [
      await check('connection', async () => lastLine(await virsh.run(['version'], signal))),
      await check('virtual machines', async () => `${(await listDomains(virsh, signal)).length} found`),
      await check('qemu-nbd', async () => (await findProgram('qemu-nbd')) ?? missingText),
    ].map((found) => (found.detail === missingText ? { ...found, ok: false } : found));
  }

  async listObjects(signal: AbortSignal): Promise<InventoryObject[]> {
    return listDomains(new Virsh(this.#uri), signal, await frozenSince(this.#roots, this.#uri));
  }

  async inspect(objectUuid: string, scope: JobScope, quiesce: Quiesce): Promise<SourceProspect> {
    const settings = { uri: this.#uri, readPath: this.#readPath, roots: this.#roots };
    return inspectDomain(settings, objectUuid, scope, quiesce);
  }

  async thaw(objectUuid: string, signal: AbortSignal): Promise<void> {
    await thawGuest(new Virsh(this.#uri), objectUuid, this.#roots, signal);
  }

  async prepareDeploy(request: DeployRequest, scope: JobScope): Promise<Deployment> {
    return LibvirtDeployment.prepare(request, this.#uri, this.#roots, scope);
  }
}

const missingText = 'not installed; machines that are shut off and qcow2 restores need it: apt-get install qemu-utils';

async function check(name: string, run: () => Promise<string>): Promise<Check> {
  try {
    return { check: name, ok: true, detail: await run() };
  } catch (error) {
    return { check: name, ok: false, detail: messageOf(error) };
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
