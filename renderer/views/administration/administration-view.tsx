import { IconBox, IconCirclesRelation, IconDeviceFloppy, IconPlugConnected } from '@tabler/icons-react';
import { Link, Outlet, useLocation } from 'react-router';
import { noGroupId } from '../../../shared/model/group.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';

/** The submenu of Administration and the part that is chosen. */
export function AdministrationView() {
  const { t } = useText();
  const { pathname } = useLocation();
  const clients = useEngine('clients.list', {}).data?.rows.filter(
    ({ authorized, state }) => authorized && state !== 'removed',
  ).length;
  const groups = useEngine('groups.list', {}).data?.rows.filter(({ id }) => id !== noGroupId).length;
  const platforms = useEngine('platforms.list', {}).data?.total;
  const pools = useEngine('pools.list', {}).data?.total;
  const waiting = useEngine('system.get', {}).data?.unauthorizedClients ?? 0;
  const parts = [
    { id: 'clients', icon: IconPlugConnected, count: clients, waiting },
    { id: 'groups', icon: IconCirclesRelation, count: groups, waiting: 0 },
    { id: 'platforms', icon: IconBox, count: platforms, waiting: 0 },
    { id: 'pools', icon: IconDeviceFloppy, count: pools, waiting: 0 },
  ] as const;
  return (
    <div className="cols">
      <nav className="pane menu" aria-label={t('place.administration')}>
        <div className="ph line b6" style={{ fontSize: 15 }} aria-hidden>
          {t('place.administration')}
        </div>
        <div className="an scroll">
          {parts.map((part) => (
            <Link
              key={part.id}
              to={`/administration/${part.id}`}
              aria-current={pathname.startsWith(`/administration/${part.id}`) ? 'page' : undefined}
            >
              <part.icon className="ic" aria-hidden />
              {t(`place.${part.id}`)}
              {part.waiting > 0 ? (
                <span className="badge warn" title={t('frame.unauthorized', { count: part.waiting })}>
                  {part.waiting}
                </span>
              ) : (
                part.count !== undefined && <span className="cnt tn">{part.count}</span>
              )}
            </Link>
          ))}
        </div>
      </nav>
      <div className="main">
        <Outlet />
      </div>
    </div>
  );
}
