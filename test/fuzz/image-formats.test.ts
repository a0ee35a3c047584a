import { describe, expect, it } from 'vitest';
import { formatOfHead } from '../../agent/disks/image-format.ts';
import { parseVdiSize } from '../../agent/disks/vdi-header.ts';
import { findMetadata, parseVhdxSize } from '../../agent/disks/vhdx-header.ts';
import { parseVmdkDescriptor } from '../../agent/disks/vmdk-descriptor.ts';
import { parseSparseHeader } from '../../agent/disks/vmdk-image.ts';
import { fuzz } from './fuzz.ts';
import { mutateBytes, mutateText } from './mutate.ts';

const descriptor = `# Disk DescriptorFile
version=1
CID=ddb2bf78
parentCID=ffffffff
createType="twoGbMaxExtentFlat"

# Extent description
RW 4192256 FLAT "web-f001.vmdk" 0
RW 2048 SPARSE "web-s002.vmdk"

ddb.adapterType = "ide"
`;

function sparseHeader(): Buffer {
  const head = Buffer.alloc(512);
  head.write('KDMV');
  head.writeBigUInt64LE(49_152n, 12);
  head.writeBigUInt64LE(1n, 28);
  return head;
}

function vdi(): Buffer {
  const head = Buffer.alloc(512);
  head.writeUInt32LE(0xbeda107f, 64);
  head.writeUInt32LE(1, 76);
  head.writeBigUInt64LE(1n << 30n, 368);
  return head;
}

function vhdxRegions(): Buffer {
  const table = Buffer.alloc(65_536);
  table.write('regi');
  table.writeUInt32LE(1, 8);
  table.write('06a27c8b90479a4bb8fe575f050f886e', 16, 'hex');
  table.writeBigUInt64LE(2n << 20n, 32);
  table.writeUInt32LE(1 << 20, 40);
  return table;
}

function vhdxMetadata(): Buffer {
  const table = Buffer.alloc(256);
  table.write('metadata');
  table.writeUInt16LE(2, 10);
  table.write('2442a52f1bcd7648b2115dbed83bf4b8', 32, 'hex');
  table.writeUInt32LE(128, 48);
  table.write('3767a1ca36fa434db3b633f0aa44e76b', 64, 'hex');
  table.writeUInt32LE(136, 80);
  table.writeBigUInt64LE(1n << 30n, 128);
  return table;
}

const isSize = (value: number) => expect(Number.isSafeInteger(value) && value >= 0).toBe(true);

describe('a hostile image of another hypervisor', () => {
  it('in the descriptor of a VMDK: no name ever leaves its folder', async () => {
    expect(parseVmdkDescriptor(Buffer.from(descriptor), 'x')).toHaveLength(2);
    const tokens = [
      'RW ',
      '"',
      '../',
      '/',
      '\\',
      'FLAT ',
      'SPARSE ',
      '\n',
      '\r',
      '\t',
      '\0',
      'nbd:',
      'parentCID=0',
      ' 0',
    ];
    await fuzz({
      make: (random) => mutateText([descriptor], tokens, random),
      parse: (text) => {
        for (const { fileName, sizeBytes, offset } of parseVmdkDescriptor(Buffer.from(text), 'x')) {
          expect(fileName).not.toMatch(/[/\\:\0\n\r]|^\.{1,2}$/u);
          isSize(sizeBytes);
          isSize(offset);
        }
      },
    });
  });

  it('in the header of a sparse VMDK', async () => {
    await fuzz({
      make: (random) => mutateBytes([sparseHeader()], random),
      parse: (head) => {
        const { sizeBytes, descriptorAt } = parseSparseHeader(head, 'x');
        isSize(sizeBytes);
        isSize(descriptorAt);
      },
    });
  });

  it('in the header of a VDI', async () => {
    await fuzz({ make: (random) => mutateBytes([vdi()], random), parse: (head) => isSize(parseVdiSize(head, 'x')) });
  });

  it('in the tables of a VHDX', async () => {
    expect(findMetadata(vhdxRegions(), 'x')).toEqual({ offset: 2 << 20, length: 1 << 20 });
    expect(parseVhdxSize(vhdxMetadata(), 'x')).toBe(2 ** 30);
    await fuzz({
      make: (random) => mutateBytes([vhdxMetadata()], random),
      parse: (table) => isSize(parseVhdxSize(table, 'x')),
    });
    await fuzz({
      // Mutations of its beginning only: the rest is empty.
      make: (random) =>
        Buffer.concat([mutateBytes([vhdxRegions().subarray(0, 64)], random), Buffer.alloc(65_536)]).subarray(0, 65_536),
      parse: (table) => isSize(findMetadata(table, 'x').offset),
    });
  });

  it('in its first bytes', () => {
    for (const head of [sparseHeader(), vdi(), Buffer.from(descriptor)]) {
      expect(formatOfHead(head)).toBeDefined();
      expect(formatOfHead(head.subarray(0, 3))).toBeUndefined();
    }
  });
});
