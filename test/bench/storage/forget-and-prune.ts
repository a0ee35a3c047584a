// A process of its own, as restic is one: removes all points but the newest and prunes. Arguments: folder, password, how many stay.
import { openRepository } from '../../../agent/repository/repository.ts';
import { LocalStorage } from '../../../agent/repository/storage/local.ts';

const [folder = '', password = '', keep = '1'] = process.argv.slice(2);
const repository = await openRepository(new LocalStorage(folder), password);
const { signal } = new AbortController();
const shared = await repository.lock({ settleLater: true, withoutIndex: true });
const snapshots = await repository.listSnapshots();
const ids = snapshots.slice(0, -Number(keep)).map(({ id }) => id);
await repository.maintenance(shared).forget(ids, { signal });
await shared.release();
const exclusive = await repository.lock({ exclusive: true, withoutIndex: true, settleLater: true });
const maintenance = repository.maintenance(exclusive);
await maintenance.prune(await maintenance.planPrune({ maxUnusedPercent: 5, signal }), { signal });
await exclusive.release();
await repository.close();
