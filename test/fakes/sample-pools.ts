import type { ClientView } from '../../shared/contract/engine/clients.ts';
import type { PoolView } from '../../shared/contract/engine/pools.ts';
import { gib } from './fake-engine-data.ts';
import { fakeClientRepositories, fakePool } from './fake-pools.ts';

/** One of each kind of sharing. */
export function samplePools(clients: readonly ClientView[]): PoolView[] {
  const [kvm, shanghai, warehouse, local] = clients as [ClientView, ClientView, ClientView, ClientView];
  const url = 'sftp://backup@khv-store//srv/backups';
  const hostKey = 'SHA256:n3W8Qp5v2kq0zXo1mJ7cN4yT9bF6aE3dH2gK8lM5rP0';
  const pools = [
    fakePool(1, 'main', [kvm, shanghai]),
    fakePool(2, 'archive', [kvm], { freeBytes: 900 * gib, totalBytes: 12_000 * gib, repositoryPer: 'client' }),
    fakePool(3, 'khv', [warehouse, local], {
      ...{ kind: 'sftp', path: url, address: { kind: 'sftp', url, hostKey }, repositoryPer: 'group' },
      ...{ freeBytes: null, totalBytes: null },
    }),
  ];
  for (const pool of pools)
    if (pool.repositoryPer !== 'pool') pool.repositories = fakeClientRepositories(pool, clients);
  return pools;
}
