import { IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand } from '@tabler/icons-react';
import { Link, useLocation } from 'react-router';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { type Place, places } from './places.ts';

interface Props {
  readonly isRail: boolean;
  readonly onToggle: () => void;
}

function useCounts(): Partial<Record<Place['id'], { count: number; isBad: boolean }>> {
  const system = useEngine('system.get', {}).data;
  if (system === undefined) return {};
  const { used, waiting } = system.slots;
  const open = used + waiting;
  return { ...(open > 0 ? { tasks: { count: open, isBad: false } } : {}) };
}

/** The places of the console. */
export function LeftBar({ isRail, onToggle }: Props) {
  const { t } = useText();
  const { pathname } = useLocation();
  const counts = useCounts();
  const Toggle = isRail ? IconLayoutSidebarLeftExpand : IconLayoutSidebarLeftCollapse;
  const toggleLabel = t(isRail ? 'frame.expand' : 'frame.collapse');
  return (
    <nav className="nb" aria-label={t('frame.main')}>
      {places.map((place) => {
        const isHere =
          pathname === place.to ||
          pathname.startsWith(`${place.to}/`) ||
          (place.id === 'repository' && pathname.startsWith('/restore'));
        const label = t(`place.${place.id}`);
        const count = counts[place.id];
        return (
          <Link
            key={place.id}
            to={place.to}
            aria-current={isHere ? 'page' : undefined}
            title={isRail ? label : undefined}
          >
            <place.icon className="ic" aria-hidden />
            <span className="lbl">{label}</span>
            {count !== undefined && <span className={count.isBad ? 'badge fail' : 'cnt'}>{count.count}</span>}
          </Link>
        );
      })}
      <button type="button" className="end" onClick={onToggle} title={isRail ? toggleLabel : undefined}>
        <Toggle className="ic" aria-hidden />
        <span className="lbl">{toggleLabel}</span>
      </button>
    </nav>
  );
}
