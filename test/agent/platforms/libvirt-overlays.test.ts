import { describe, expect, it } from 'vitest';
import { allTargets, chainOf, overlayPath, putBack } from '../../../agent/platforms/libvirt/overlay/overlays.ts';
import { chooseStep } from '../../../agent/platforms/libvirt/overlay/settle.ts';
import { snapshotCommand } from '../../../agent/platforms/libvirt/overlay/snapshot-source.ts';
import { formatXml, parseXml } from '../../../agent/platforms/libvirt/xml.ts';

const overlay = { target: 'vda', base: '/i/disk0.raw', baseFormat: 'raw', overlay: '/i/holdfast-x.vda.qcow2' };

const below = `<backingStore type='file' index='2'><format type='raw'/><source file='/i/disk0.raw'/><backingStore/></backingStore>`;
const mirror = (more: string) =>
  `<mirror type='file' job='active-commit'${more}><format type='raw'/><source file='/i/disk0.raw' index='2'/></mirror>`;

/** A domain as libvirt 9.0 prints it, as far as disks go. */
function domain(source: string, more = '', id = ` id='7'`) {
  const text = `<domain type='qemu'${id}><devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/><source file='${source}' index='3'/>${more}<target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><driver name='qemu'/><target dev='sdz' bus='scsi'/><readonly/></disk>
  </devices></domain>`;
  return parseXml(text, 'd');
}

describe('overlays', () => {
  it('lie beside their images and are named in one snapshot, commas and all', () => {
    expect(overlayPath('/i/a.raw', 'vda', 'JOB')).toBe('/i/holdfast-JOB.vda.qcow2');
    const odd = { ...overlay, overlay: '/i,x/o.qcow2' };
    expect(snapshotCommand('UUID', 'JOB', [odd], ['vda', 'sdz'])).toEqual([
      ...['snapshot-create-as', 'UUID', 'holdfast-JOB', '--disk-only', '--no-metadata', '--atomic'],
      ...['--diskspec', 'vda,snapshot=external,driver=qcow2,file=/i,,x/o.qcow2', '--diskspec', 'sdz,snapshot=no'],
    ]);
    expect(allTargets(domain('/i/a'))).toEqual(['vda', 'sdz']);
  });

  it('are found in the chain of a disk, with the job on them', () => {
    expect(chainOf(domain(overlay.overlay, below + mirror('')), 'vda')).toEqual({
      files: ['/i/holdfast-x.vda.qcow2', '/i/disk0.raw'],
      mirror: { job: 'active-commit', ready: false },
    });
    expect(chainOf(domain(overlay.base), 'vda')).toEqual({ files: ['/i/disk0.raw'], mirror: undefined });
    expect(chainOf(domain(overlay.base), 'vdz')).toBeUndefined();
  });

  it.each([
    ['is committed by QEMU while it runs', domain(overlay.overlay, below), 'commit'],
    ['waits for the commit', domain(overlay.overlay, below + mirror('')), 'wait'],
    ['switches over when the commit has caught up', domain(overlay.overlay, below + mirror(` ready='yes'`)), 'pivot'],
    [
      'is committed below a snapshot of somebody else',
      domain(
        '/i/theirs',
        `<backingStore type='file'><format type='qcow2'/><source file='${overlay.overlay}'/>${below}</backingStore>`,
      ),
      'commit',
    ],
    ['has its configuration put right', domain(overlay.base), 'putBack'],
    ['has its files committed when it is off', domain(overlay.overlay, '', ''), 'commitFiles'],
  ])('a VM %s', (_title, live, step) => {
    expect(chooseStep(live, domain(overlay.overlay, '', ''), overlay)).toBe(step);
  });

  it('are gone once neither the VM nor its configuration names them', () => {
    expect(chooseStep(domain(overlay.base), domain(overlay.base, '', ''), overlay)).toBe('done');
    expect(chooseStep(domain(overlay.base, '', ''), domain(overlay.base, '', ''), overlay)).toBe('done');
  });

  it('leave the rest of the configuration alone', () => {
    const root = domain(overlay.overlay, below, '');
    putBack(root, overlay);
    expect(formatXml(root)).toBe(
      formatXml(domain(overlay.base, '<backingStore/>', '')).replace('type="qcow2" discard', 'type="raw" discard'),
    );
    const bare = domain(overlay.overlay, '', '');
    putBack(bare, overlay);
    expect(chainOf(bare, 'vda')?.files).toEqual(['/i/disk0.raw']);
    expect(formatXml(bare)).not.toContain('backingStore');
  });
});
