import { blobTypes } from '../blob-id.ts';
import type { DamageBook } from './damage.ts';
import type { CatalogPack, PackCatalog } from './pack-catalog.ts';

/** Compares the packs that the index knows with those that are there. */
export function checkPacks(catalog: PackCatalog, book: DamageBook): void {
  for (const [number, pack] of catalog.packs.entries()) {
    if (pack.listedBytes === undefined) {
      book.losePack(number, book.add('packMissing', pack.name, `pack ${pack.name} is missing`));
    } else if (pack.listedBytes < pack.sizeBytes) {
      const sizes = `has ${pack.listedBytes} instead of ${pack.sizeBytes} bytes`;
      loseBehind(catalog, pack, pack.listedBytes, book, `pack ${pack.name} ${sizes}`);
    } else if (pack.listedBytes > pack.sizeBytes) {
      const extra = pack.listedBytes - pack.sizeBytes;
      book.add('packDamaged', pack.name, `pack ${pack.name} has ${extra} bytes that do not belong to it`);
    }
  }
}

function loseBehind(catalog: PackCatalog, pack: CatalogPack, end: number, book: DamageBook, message: string): void {
  const problem = book.add('packTruncated', pack.name, message);
  for (const type of blobTypes) {
    for (const row of catalog.rowsOf(pack, type)) {
      const blob = catalog.tables[type].location(row);
      if (blob.offset + blob.length > end) book.loseRow(type, row, problem);
    }
  }
}
