import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import { useText } from '../../text/use-text.ts';

/** The pool's own address stands above: what differs is the last part. */
function partBelow(path: string, place: string): string {
  return place.startsWith(`${path}/`) ? place.slice(path.length + 1) : place;
}

/** The repositories of a pool that has one for each client or client group: whose, and where. */
export function PoolRepositories({ pool }: { readonly pool: PoolView }) {
  const { t } = useText();
  return (
    <section className="sec">
      <h3>{t('pool.repositories')}</h3>
      <ul>
        {pool.repositories.map(({ id, client, group, place, repositoryId }) => (
          <li key={id} className="row" style={{ justifyContent: 'space-between' }}>
            <span className="el">{group === null ? client : t('pool.ofGroup', { group })}</span>
            <span className="mono el" title={`${place} ${repositoryId}`}>
              {partBelow(pool.path, place)}
            </span>
          </li>
        ))}
      </ul>
      <p className="help">{t(`pool.perHelp.${pool.repositoryPer}`)}</p>
    </section>
  );
}
