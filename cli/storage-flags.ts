import { storageKinds, type StorageTargetInput } from '../shared/model/storage.ts';
import { type StorageFlags as PlaceFlags, storageOf as storageOfKind } from '../shared/node/storage-flags.ts';
import { choiceOf } from '../shared/option-values.ts';

/** The options that say where a pool lies; its kind has an option of its own. */
export interface StorageFlags extends PlaceFlags {
  kind: string;
}

/** Files are read here and sent as content (DETAILS 23). @throws AppError invalidValue naming the missing option */
export async function storageOf(flags: StorageFlags): Promise<StorageTargetInput> {
  return storageOfKind(choiceOf(storageKinds, flags.kind, '--kind'), flags);
}
