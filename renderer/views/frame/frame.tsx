import { useCallback, useEffect, useState } from 'react';
import { spotlight } from '@mantine/spotlight';
import { Outlet } from 'react-router';
import { OutcomeStrip } from '../common/dialog-host.tsx';
import { useFrameKeys } from './frame-keys.ts';
import { Header } from './header.tsx';
import { KeysDialog } from './keys-dialog.tsx';
import { LeftBar } from './left-bar.tsx';
import { Palette } from './palette.tsx';
import { StaleLine } from './stale-line.tsx';
import { StatusStrip } from './status-strip.tsx';

const storageKey = 'holdfast.rail';
const narrow = '(max-width: 1399px)';

/** Below 1400 px the left bar is a rail by itself; a person's own choice for this width is remembered. */
function useRail(): [boolean, () => void] {
  const [isNarrow, setNarrow] = useState(() => window.matchMedia(narrow).matches);
  const key = `${storageKey}.${isNarrow ? 'narrow' : 'wide'}`;
  const [chosen, setChosen] = useState<Record<string, boolean>>({});
  useEffect(() => {
    const query = window.matchMedia(narrow);
    const listen = () => setNarrow(query.matches);
    query.addEventListener('change', listen);
    return () => query.removeEventListener('change', listen);
  }, []);
  const kept = window.localStorage.getItem(key);
  const isRail = chosen[key] ?? (kept === null ? isNarrow : kept === 'true');
  const toggle = () => {
    window.localStorage.setItem(key, String(!isRail));
    setChosen({ ...chosen, [key]: !isRail });
  };
  return [isRail, toggle];
}

/** What stays around every page. */
export function Frame() {
  const [isRail, toggleRail] = useRail();
  const [showsKeys, setShowsKeys] = useState(false);
  const openKeys = useCallback(() => setShowsKeys(true), []);
  useFrameKeys(openKeys);
  return (
    <div className={isRail ? 'app rail' : 'app'}>
      <Header onPalette={() => spotlight.open()} onKeys={openKeys} />
      <LeftBar isRail={isRail} onToggle={toggleRail} />
      <main className="pg">
        <StaleLine />
        <OutcomeStrip />
        <Outlet />
      </main>
      <StatusStrip />
      <Palette />
      {showsKeys && <KeysDialog onClose={() => setShowsKeys(false)} />}
    </div>
  );
}
