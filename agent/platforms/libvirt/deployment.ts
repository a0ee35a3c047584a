import { writeFile } from 'node:fs/promises';
import { AppError, hasCode, messageOf } from '../../../shared/errors.ts';
import type { TargetDisk } from '../../disks/disk.ts';
import { writeError } from '../../disks/file-errors.ts';
import { openNewDisk } from '../../disks/new-disk.ts';
import { makeFile, removeMadeFile } from '../made-file.ts';
import type { Deployment, DeployRequest, JobScope, Resource } from '../platform.ts';
import type { Roots } from '../roots.ts';
import { SocketFolder } from '../roots.ts';
import type { DeployPlan } from './deploy-plan.ts';
import { planDeployment } from './deploy-plan.ts';
import { removeDomain } from './remove-domain.ts';
import { Virsh } from './virsh.ts';
import { withXmlFile } from './xml-file.ts';

/** A new virtual machine whose disks are being written; libvirt knows it only after `finish`. */
export class LibvirtDeployment implements Deployment {
  readonly vmName: string;
  readonly #plan: DeployPlan;
  readonly #virsh: Virsh;
  readonly #scope: JobScope;
  readonly #roots: Roots;
  readonly #sockets: SocketFolder;
  readonly #files: Resource[] = [];
  readonly #open = new Set<TargetDisk>();

  private constructor(plan: DeployPlan, virsh: Virsh, roots: Roots, scope: JobScope) {
    this.vmName = plan.name;
    this.#plan = plan;
    this.#virsh = virsh;
    this.#roots = roots;
    this.#scope = scope;
    this.#sockets = new SocketFolder(roots.run, scope);
  }

  /** @throws AppError deployImpossible naming every problem, platformUnreachable, storageFull, storageFailed */
  static async prepare(request: DeployRequest, uri: string, roots: Roots, scope: JobScope): Promise<LibvirtDeployment> {
    const virsh = new Virsh(uri);
    const plan = await planDeployment(request, virsh, scope.signal);
    const deployment = new LibvirtDeployment(plan, virsh, roots, scope);
    try {
      await deployment.#makeFiles();
    } catch (error) {
      await deployment.rollback();
      throw error;
    }
    for (const warning of plan.warnings) scope.warn(`${plan.name}: ${warning}`);
    return deployment;
  }

  async openDisk(diskId: string): Promise<TargetDisk> {
    const disk = this.#plan.disks.get(diskId);
    if (disk === undefined) throw new AppError('internal', `disk ${diskId} is not part of this deployment`);
    const target = await openNewDisk({ ...disk, socketPath: () => this.#sockets.next() }, this.#scope);
    this.#open.add(target);
    return {
      sizeBytes: target.sizeBytes,
      write: (offset, bytes) => target.write(offset, bytes),
      close: async () => {
        this.#open.delete(target);
        await target.close();
      },
    };
  }

  /** Defines the VM. A VM that does not start is a warning: it is there, whole. @throws AppError deployImpossible after undoing everything */
  async finish({ start }: { start: boolean }): Promise<{ vmId: string; vmName: string }> {
    const { uuid, name } = this.#plan;
    try {
      await this.#sockets.remove();
      await this.#scope.acquired(this.#domainResource());
      await withXmlFile(this.#roots.run, this.#plan.xml, (path) => this.#virsh.run(['define', path]));
    } catch (error) {
      await this.rollback();
      throw hasCode(error, 'programFailed')
        ? new AppError('deployImpossible', `libvirt refuses the virtual machine: ${error.message}`, { cause: error })
        : error;
    }
    if (start) {
      await this.#virsh
        .run(['start', uuid])
        .catch((error: unknown) => this.#scope.warn(`${name} is restored but did not start: ${messageOf(error)}`));
    }
    await this.#scope.released(this.#domainResource());
    for (const file of this.#files) await this.#scope.released(file);
    return { vmId: uuid, vmName: name };
  }

  async rollback(): Promise<void> {
    for (const target of this.#open) {
      await target
        .close()
        .catch((error: unknown) => this.#scope.warn(`while removing ${this.vmName}: ${messageOf(error)}`));
    }
    this.#open.clear();
    await this.#sockets.remove();
    await removeDomain(this.#virsh, this.#plan.uuid);
    await this.#scope.released(this.#domainResource());
    for (const file of this.#files.splice(0)) {
      await removeMadeFile(file.name);
      await this.#scope.released(file);
    }
  }

  async #makeFiles(): Promise<void> {
    for (const { path } of this.#plan.disks.values()) this.#files.push(await makeFile(path, this.#scope));
    const { nvram } = this.#plan;
    if (nvram === undefined) return;
    this.#files.push(await makeFile(nvram.path, this.#scope));
    try {
      await writeFile(nvram.path, nvram.content, { flush: true });
    } catch (error) {
      throw writeError(nvram.path, error);
    }
  }

  #domainResource(): Resource {
    return { kind: 'libvirtDomain', name: JSON.stringify({ uri: this.#virsh.uri, uuid: this.#plan.uuid }) };
  }
}
