import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPlatform } from '../../../agent/platforms/all.ts';
import { planDeployment } from '../../../agent/platforms/libvirt/deploy-plan.ts';
import { parseDomain } from '../../../agent/platforms/libvirt/domain.ts';
import { Virsh } from '../../../agent/platforms/libvirt/virsh.ts';
import type { DeployRequest } from '../../../agent/platforms/platform.ts';
import type { VmConfiguration } from '../../../shared/model/vm.ts';
import { fullDomain } from './domain-fixture.ts';
import { unquiesced } from './open-source.ts';
import { TestScope } from './job-scope.ts';
import { lacking } from '../../helpers/needs.ts';

const haveVirsh = spawnSync('virsh', ['-q', '-c', 'test:///default', 'list']).status === 0;
if (!haveVirsh) console.warn('SKIPPED: virsh is not installed, planning and listing on libvirt are not tested');

/** libvirt's own mock hypervisor: one running domain named `test`, the network `default`, nothing outside of the process. */
const uri = 'test:///default';
const signal = new AbortController().signal;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hf-plan-'));
  await chmod(folder, 0o755);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A domain that could run anywhere. */
const plainDomain = `<domain type='test'><name>test</name><uuid>${randomUUID()}</uuid><memory>1024</memory><vcpu>1</vcpu>
  <os><type>hvm</type></os><devices>
  <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/no such folder/x.raw'/><target dev='vda' bus='virtio'/></disk>
  <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface>
</devices></domain>`;

function requestOf(xml: string, ids: readonly string[], more: Partial<DeployRequest> = {}): DeployRequest {
  const domain = parseDomain(xml);
  const disk = { bus: 'virtio', bootOrder: null, format: 'raw', sizeBytes: 1024, serial: null, sourcePath: '' };
  const configuration: VmConfiguration = {
    format: 1,
    uuid: domain.uuid,
    name: domain.name,
    platformKind: 'libvirt',
    cpus: 1,
    memoryBytes: 1,
    machine: '',
    firmware: 'bios',
    secureBoot: false,
    tpm: false,
    guestAgent: false,
    disks: ids.map((id) => ({ ...disk, id, name: id })),
    nics: [],
    tags: [],
    capturedAt: new Date().toISOString(),
  };
  return {
    configuration,
    nativeFiles: new Map([['domain.xml', Buffer.from(xml)]]),
    name: undefined,
    storage: folder,
    ...more,
  };
}

describe.skipIf(lacking(haveVirsh ? undefined : 'libvirt-clients are not installed'))('planning a deployment', () => {
  const virsh = new Virsh(uri);

  it('takes the next free name and free paths', async () => {
    await writeFile(join(folder, 'test-2-vda.raw'), 'precious');
    const plan = await planDeployment(requestOf(plainDomain, ['vda']), virsh, signal);
    expect(plan.name).toBe('test-2');
    expect(plan.disks.get('vda')).toEqual({ path: join(folder, 'test-2-vda-2.raw'), format: 'raw', sizeBytes: 1024 });
    expect(plan.warnings).toEqual([]);
    expect(parseDomain(plan.xml)).toMatchObject({
      name: 'test-2',
      uuid: plan.uuid,
      disks: [{ path: join(folder, 'test-2-vda-2.raw') }],
    });
    expect(await readdir(folder)).toEqual(['test-2-vda.raw']);
  });

  it('keeps a wanted name that is free', async () => {
    expect((await planDeployment(requestOf(plainDomain, ['vda'], { name: 'fresh' }), virsh, signal)).name).toBe(
      'fresh',
    );
  });

  it('names every problem at once', async () => {
    const request = requestOf(fullDomain, ['vda', 'vdz'], { name: 'a/b', storage: join(folder, 'none'), dataBytes: 1 });
    const failure = await planDeployment(request, virsh, signal).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'deployImpossible' });
    for (const part of ['a/b', join(folder, 'none'), 'vdz', '/boot/web-kernel', 'br0', '/logs'])
      expect(String(failure)).toContain(part);
  });

  it('says when there is not enough space', async () => {
    const request = requestOf(plainDomain, ['vda'], { dataBytes: 2 ** 60 });
    await expect(planDeployment(request, virsh, signal)).rejects.toMatchObject({
      code: 'deployImpossible',
      message: expect.stringContaining('needed') as unknown,
    });
  });

  it('cannot do without the saved domain', async () => {
    for (const nativeFiles of [new Map<string, Buffer>(), new Map([['domain.xml', Buffer.from('<x/>')]])]) {
      const request = { ...requestOf(plainDomain, ['vda']), nativeFiles };
      await expect(planDeployment(request, virsh, signal)).rejects.toMatchObject({ code: 'deployImpossible' });
    }
  });

  it('puts the NVRAM beside the old one or in the usual place, never over another', async () => {
    const nvram = join(folder, 'nvram');
    await mkdir(nvram);
    await writeFile(join(nvram, 'fresh_VARS.fd'), 'other');
    const xml = plainDomain.replace('</type></os>', `</type><nvram>${nvram}/old.fd</nvram></os>`);
    const request = requestOf(xml, ['vda'], { name: 'fresh' });
    const nativeFiles = new Map([...request.nativeFiles, ['nvram.fd', Buffer.from('vars')] as const]);
    const plan = await planDeployment({ ...request, nativeFiles }, virsh, signal);
    expect(plan.nvram).toEqual({ path: join(nvram, 'fresh_VARS-2.fd'), content: Buffer.from('vars') });
    expect(parseDomain(plan.xml).nvram).toBe(join(nvram, 'fresh_VARS-2.fd'));
  });
});

describe.skipIf(lacking(haveVirsh ? undefined : 'libvirt-clients are not installed'))('a libvirt connection', () => {
  const connect = (address: string) =>
    createPlatform(
      'libvirt',
      { uri: address },
      {
        uuid: randomUUID(),
        name: 'l',
        roots: { run: join(folder, 'run'), scratch: join(folder, 'scratch'), frozen: join(folder, 'frozen') },
      },
    );

  it('lists domains', async () => {
    const rows = await connect(uri).listObjects(signal);
    expect(rows).toMatchObject([
      { name: 'test', state: 'running', guestAgent: 'none', disks: [{ id: 'vda', format: 'raw', sizeBytes: 0 }] },
    ]);
  });

  it('that is not there says so, with what to do', async () => {
    const platform = connect(`qemu+unix:///system?socket=${join(folder, 'none')}`);
    await expect(platform.listObjects(signal)).rejects.toMatchObject({
      code: 'platformUnreachable',
      hint: expect.stringContaining('libvirtd') as unknown,
    });
    expect((await platform.test(signal)).find(({ check }) => check === 'connection')?.ok).toBe(false);
  });

  it('to another host cannot be read from', async () => {
    await expect(
      connect('qemu+ssh://elsewhere/system').inspect(randomUUID(), new TestScope(), unquiesced),
    ).rejects.toMatchObject({
      code: 'exportFailed',
    });
  });

  it('can be cancelled', async () => {
    await expect(connect(uri).listObjects(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('refuses settings that are none', () => {
    expect(() => connect('http://x')).toThrow(expect.objectContaining({ code: 'invalidValue', field: 'uri' }) as Error);
  });
});
