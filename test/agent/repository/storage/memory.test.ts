import { MemoryStorage } from '../../../fakes/memory-storage.ts';
import { storageSuite } from '../../../suites/storage-suite.ts';

storageSuite('memory (the fake itself)', () => Promise.resolve(new MemoryStorage()));
