import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseDomain, parseOwner } from '../../../agent/platforms/libvirt/domain.ts';
import { parseStats } from '../../../agent/platforms/libvirt/inventory.ts';
import type { Rewriting } from '../../../agent/platforms/libvirt/rewrite.ts';
import { hostNeeds, rewriteDomain } from '../../../agent/platforms/libvirt/rewrite.ts';
import { attribute, childrenOf, find, formatXml, parseXml, textOf } from '../../../agent/platforms/libvirt/xml.ts';
import { fullDomain } from './domain-fixture.ts';

const oldUuid = '4b2e0bdf-c1ae-4c0c-8124-6d5997d31774';

function rewrite(text: string, more: Partial<Rewriting> = {}) {
  const root = parseXml(text, 'test');
  const uuid = randomUUID();
  const warnings = rewriteDomain(root, {
    name: 'web-2',
    uuid,
    disks: new Map([
      ['vda', { path: '/new/web-2-vda.qcow2', format: 'qcow2' }],
      ['sdb', { path: '/new/web-2-sdb.raw', format: 'raw' }],
    ]),
    nvram: '/nvram/web-2_VARS.fd',
    fileExists: (path) => path === '/usr/bin/qemu-system-x86_64',
    ...more,
  });
  const result = formatXml(root);
  return { uuid, warnings, result, root: parseXml(result, 'result') };
}

describe('reading domain XML', () => {
  it('finds what a backup needs', () => {
    const domain = parseDomain(fullDomain);
    expect(domain).toMatchObject({
      uuid: oldUuid,
      name: "web & 'db'",
      active: true,
      cpus: 4,
      memoryBytes: 2 * 1024 ** 3,
      machine: 'pc-q35-7.2',
      firmware: 'efi',
      secureBoot: true,
      tpm: true,
      guestAgent: 'connected',
      nvram: '/var/lib/libvirt/qemu/nvram/web_VARS.fd',
      owner: { uid: 64055, gid: 107 },
    });
    expect(domain.disks.map(({ target, sourceType, format, path }) => [target, sourceType, format, path])).toEqual([
      ['vda', 'file', 'qcow2', '/images/web.qcow2'],
      ['sdb', 'block', 'raw', '/dev/vg/web'],
      ['vdc', 'network', 'raw', undefined],
    ]);
    expect(domain.disks[0]).toMatchObject({ bootOrder: 1, serial: 'S-1', bus: 'virtio' });
    expect(domain.nics).toEqual([
      { mac: '52:54:00:aa:bb:cc', model: 'virtio', network: 'default' },
      { mac: '52:54:00:aa:bb:cd', model: 'e1000e', network: 'br0' },
    ]);
  });

  it('believes nothing that is no domain', () => {
    for (const text of [
      '',
      'x',
      '<a>',
      '<domain/>',
      '<a><b></a>',
      '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
      `<a>${'x'.repeat(5 << 20)}</a>`,
    ]) {
      expect(() => parseDomain(text)).toThrow(expect.objectContaining({ code: 'exportFailed' }) as Error);
    }
    expect(() => parseXml(`${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}`, 'deep')).toThrow(
      expect.objectContaining({ code: 'exportFailed' }) as Error,
    );
  });

  it('keeps every character over a round trip', () => {
    const text = `<a x="1 &lt;&quot;&apos;&amp;lt; &#10;">t &amp; &#x41; <![CDATA[<raw> &amp;]]><n:b xmlns:n="http://n"/></a>`;
    const once = parseXml(text, 'a');
    expect(attribute(once, 'x')).toBe(`1 <"'&lt; \n`);
    expect(textOf(once)).toBe('t & A <raw> &amp;');
    const twice = parseXml(formatXml(once), 'b');
    expect(textOf(twice)).toBe(textOf(once));
    expect(twice.attributes).toEqual(once.attributes);
    expect(formatXml(twice)).toBe(formatXml(once));
  });

  it('takes numeric owners only', () => {
    expect(parseOwner('+64055:+107')).toEqual({ uid: 64055, gid: 107 });
    for (const label of ['', 'libvirt-qemu:kvm', '+0', '+1:+2:+3', '0:0']) expect(parseOwner(label)).toBeUndefined();
  });

  it('reads the statistics of many domains', () => {
    const stats = parseStats(
      [
        "Domain: 'it's'",
        'state.state=1',
        'block.count=2',
        'block.0.name=vda',
        'block.0.path=/x=y',
        'block.0.capacity=1024',
        'block.1.name=sdz',
        '',
        "Domain: 'off'",
        'state.state=5',
        'block.0.name=vda',
        'block.0.capacity=12e99',
      ].join('\n'),
    );
    expect(stats.get("it's")).toEqual({ state: 'running', capacities: new Map([['vda', 1024]]) });
    expect(stats.get('off')).toEqual({ state: 'shutOff', capacities: new Map() });
  });
});

describe('rewriting a domain for a second life', () => {
  const { root, result, uuid, warnings } = rewrite(fullDomain);
  const devices = find(root, 'devices');

  it('leaves nothing of the original that could collide', () => {
    for (const old of [
      oldUuid,
      'b13bb0cd-0000-4000-8000-000000000001',
      '52:54:00:aa:bb:cc',
      '52:54:00:aa:bb:cd',
      '/images/web.qcow2',
      '/dev/vg/web',
      '/var/lib/libvirt/qemu/nvram/web_VARS.fd',
      '"/logs/web.log"',
      '"/run/own/agent.sock"',
      '/var/lib/libvirt/qemu/channel/target/domain-1-web',
      '"/srv/com.out"',
      'port="5901"',
      'address="33"',
      'vnet7',
      'interfaceid',
      '/run/web-vnc.sock',
      '4555',
    ]) {
      expect(result).not.toContain(old);
    }
  });

  it('gives name, UUIDs and MACs anew', () => {
    expect(textOf(find(root, 'name'))).toBe('web-2');
    expect(textOf(find(root, 'uuid'))).toBe(uuid);
    expect(root.attributes.has('id')).toBe(false);
    expect(textOf(find(root, 'genid'))).toMatch(/^[0-9a-f-]{36}$/u);
    const entries = childrenOf(find(root, 'sysinfo', 'system'), 'entry').map((entry) => [
      attribute(entry, 'name'),
      textOf(entry),
    ]);
    expect(entries).toEqual([
      ['manufacturer', 'Acme'],
      ['uuid', uuid],
    ]);
    const macs = childrenOf(devices, 'interface').map((nic) => attribute(find(nic, 'mac'), 'address') ?? '');
    for (const mac of macs) expect(mac).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/u);
    expect(new Set(macs).size).toBe(2);
  });

  it('puts the disks at their new places and keeps how they are attached', () => {
    const [vda, sdb, cdrom] = childrenOf(devices, 'disk');
    expect([attribute(vda, 'type'), attribute(find(vda, 'source'), 'file')]).toEqual(['file', '/new/web-2-vda.qcow2']);
    expect(attribute(find(vda, 'driver'), 'discard')).toBe('unmap');
    expect(attribute(find(vda, 'boot'), 'order')).toBe('1');
    expect(find(vda, 'backingStore')).toBeUndefined();
    expect([
      attribute(sdb, 'type'),
      attribute(find(sdb, 'source'), 'file'),
      attribute(find(sdb, 'source'), 'dev'),
    ]).toEqual(['file', '/new/web-2-sdb.raw', undefined]);
    expect(attribute(find(sdb, 'driver'), 'io')).toBeUndefined();
    expect(find(cdrom, 'source')).toBeUndefined();
    expect(childrenOf(devices, 'disk')).toHaveLength(3);
  });

  it('renames logs and sockets the same way everywhere', () => {
    expect(attribute(find(devices, 'serial', 'log'), 'file')).toBe('/logs/web-2-web.log');
    expect(attribute(find(devices, 'console', 'log'), 'file')).toBe('/logs/web-2-web.log');
    const paths = childrenOf(devices, 'channel').map((channel) => attribute(find(channel, 'source'), 'path'));
    expect(paths).toEqual([undefined, '/run/own/web-2-agent.sock']);
    expect(attribute(find(devices, 'vsock', 'cid'), 'auto')).toBe('yes');
    expect(attribute(find(devices, 'graphics'), 'autoport')).toBe('yes');
  });

  it('keeps what it does not know', () => {
    expect(attribute(find(root, 'metadata', 'app:thing'), 'xmlns:app')).toBe('http://app.example/1');
    expect(textOf(find(root, 'cputune', 'shares'))).toBe('512');
    expect(attribute(find(root, 'os', 'nvram'), 'template')).toBe('/usr/share/OVMF/OVMF_VARS.fd');
    expect(textOf(find(root, 'os', 'nvram'))).toBe('/nvram/web-2_VARS.fd');
  });

  it('tells what is not as it was', () => {
    const text = warnings.join('\n');
    for (const part of ['vdc', 'sda', 'TPM', 'pseudo-terminal']) expect(text).toContain(part);
  });

  it('lets libvirt make an NVRAM when the backup has none', () => {
    const { root: without, warnings: said } = rewrite(fullDomain, { nvram: undefined });
    expect(textOf(find(without, 'os', 'nvram'))).toBe('');
    expect(said.join('\n')).toContain('NVRAM');
  });

  it('drops an emulator that is not here', () => {
    const { root: moved, warnings: said } = rewrite(fullDomain, { fileExists: () => false });
    expect(find(moved, 'devices', 'emulator')).toBeUndefined();
    expect(said.join('\n')).toContain('emulator');
  });

  it('knows what the machine needs of its host', () => {
    expect(hostNeeds(parseXml(fullDomain, 'x'))).toEqual({
      files: ['/boot/web-kernel', '/usr/share/OVMF/OVMF_CODE.fd'],
      networks: ['default'],
      bridges: ['br0'],
    });
  });
});
