import { AppError } from '../../shared/errors.ts';

/** One file that holds a part of a VMDK disk. */
export interface VmdkExtent {
  kind: 'flat' | 'sparse';
  sizeBytes: number;
  /** Name of a file beside the descriptor. */
  fileName: string;
  /** Where the part begins in that file, bytes; 0 unless flat. */
  offset: number;
}

const extentBegin = /^(?:rw|rdonly|noaccess)\b/iu;
const extentLine = /^RW (\d{1,15}) (FLAT|VMFS|SPARSE) "([^"]{1,255})"(?: (\d{1,15}))?$/u;
const otherKind = /^RW \d+ ([A-Z0-9]+)/u;
const parentLine = /^parentCID\s*=\s*"?([0-9a-f]+)"?/iu;
const noParent = 0xffffffff;
const sectorBytes = 512;

/**
 * Reads the text that describes a VMDK disk. QEMU reads the same text by itself, so whatever it could take for an extent
 * and we do not understand exactly is refused.
 * @throws AppError diskUnsupported for a parent, for a file that is not beside the descriptor, for kinds we do not read
 */
export function parseVmdkDescriptor(bytes: Buffer, path: string): VmdkExtent[] {
  assertNoParent(bytes, path);
  return linesOf(bytes).flatMap((line) => (extentBegin.test(line) ? [parseExtent(line, path)] : []));
}

/** @throws AppError diskUnsupported when the described disk is a difference to another one */
export function assertNoParent(bytes: Buffer, path: string): void {
  for (const line of linesOf(bytes)) {
    const parent = parentLine.exec(line)?.[1];
    if (parent !== undefined && Number.parseInt(parent, 16) !== noParent) throw hasParent(path);
  }
}

/** QEMU takes it for a C string. */
function linesOf(bytes: Buffer): string[] {
  const end = bytes.indexOf(0);
  const text = bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
  return text.split('\n').map((line) => line.trim().replaceAll(/[ \t]+/gu, ' '));
}

function parseExtent(line: string, path: string): VmdkExtent {
  const [, sectors, kind, fileName, offset = '0'] = extentLine.exec(line) ?? [];
  if (sectors === undefined || fileName === undefined) throw unknownExtent(line, path);
  const sizeBytes = Number(sectors) * sectorBytes;
  const offsetBytes = Number(offset) * sectorBytes;
  if (!Number.isSafeInteger(sizeBytes + offsetBytes)) throw wrong(path, `an extent of ${sectors} sectors`);
  // A colon would make QEMU take it for a protocol.
  if (/[/\\:\p{Cc}]/u.test(fileName) || fileName === '.' || fileName === '..')
    throw wrong(
      path,
      `its descriptor names the file ${JSON.stringify(fileName)}`,
      'The files of a VMDK must lie beside its descriptor and be named without a path.',
    );
  return kind === 'SPARSE'
    ? { kind: 'sparse', sizeBytes, fileName, offset: 0 }
    : { kind: 'flat', sizeBytes, fileName, offset: offsetBytes };
}

function unknownExtent(line: string, path: string): AppError {
  const kind = otherKind.exec(line)?.[1];
  const shown = JSON.stringify(line.slice(0, 100));
  return wrong(
    path,
    kind === undefined || ['FLAT', 'VMFS', 'SPARSE'].includes(kind)
      ? `its descriptor has a line that cannot be understood: ${shown}`
      : `it has an extent of kind ${kind}`,
    'Make a whole image of it first: vmkfstools -i, or qemu-img convert.',
  );
}

function hasParent(path: string): AppError {
  return wrong(
    path,
    'it is a difference to another VMDK (a VMware snapshot)',
    'Consolidate the snapshots, or make a whole image of it first: vmkfstools -i.',
  );
}

function wrong(path: string, detail: string, hint?: string): AppError {
  return new AppError('diskUnsupported', `${path} cannot be read: ${detail}`, hint === undefined ? {} : { hint });
}
