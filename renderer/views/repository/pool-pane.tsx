import { IconDatabase, IconDeviceFloppy } from '@tabler/icons-react';
import { Link } from 'react-router';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import type { QueryState } from '../common/use-query-state.ts';

const nearlyFull = 90;

/** How full the file system of a pool is. */
export function PoolFill({ pool }: { readonly pool: PoolView }) {
  const { t, format } = useText();
  if (pool.totalBytes === null || pool.freeBytes === null || pool.totalBytes === 0) {
    return (
      <span className="s">
        <span>{t('pool.stored', { size: format.bytes(pool.storedBytes) })}</span>
        <span>{t('pool.unknownSpace')}</span>
      </span>
    );
  }
  const percent = ((pool.totalBytes - pool.freeBytes) / pool.totalBytes) * 100;
  return (
    <>
      <ProgressBar
        percent={percent}
        tone={percent >= nearlyFull ? 'warn' : 'cap'}
        label={t('pool.filled', { percent: format.percent(percent) })}
      />
      <span className="s tn">
        <span>{t('pool.used', { size: format.bytes(pool.totalBytes - pool.freeBytes) })}</span>
        <span>{t('pool.ofTotal', { size: format.bytes(pool.totalBytes) })}</span>
      </span>
    </>
  );
}

/** Left of the points: the pools with what they hold. */
export function PoolPane({ query }: { readonly query: QueryState }) {
  const { t } = useText();
  const pools = useEngine('pools.list', {}).data?.rows ?? [];
  const chosen = query.getId('pool');
  return (
    <nav className="pane" style={{ width: 212 }} aria-label={t('place.pools')}>
      <div className="pl scroll">
        <h2>{t('place.pools')}</h2>
        <Link
          className="pool"
          to={query.link({ pool: null, offset: null, point: null })}
          aria-current={chosen === undefined ? 'true' : undefined}
        >
          <span className="n">
            <IconDatabase className="ic" aria-hidden />
            <span className="b5">{t('repository.allPools')}</span>
            <span className="sp" />
            <span className="cnt tn">{pools.length}</span>
          </span>
        </Link>
        {pools.map((pool) => (
          <Link
            key={pool.id}
            className="pool"
            to={query.link({ pool: pool.id, offset: null, point: null })}
            aria-current={pool.id === chosen ? 'true' : undefined}
          >
            <span className="n">
              <IconDeviceFloppy className="ic" aria-hidden />
              <span className="b5 el" title={pool.name}>
                {pool.name}
              </span>
              <span className="t3">{t(`poolKind.${pool.kind}`)}</span>
            </span>
            <PoolFill pool={pool} />
          </Link>
        ))}
      </div>
    </nav>
  );
}
