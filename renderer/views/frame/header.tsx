import { IconBell, IconChevronDown, IconHelpCircle, IconLoader2, IconSearch } from '@tabler/icons-react';
import { Link } from 'react-router';
import { DropMenu } from '../../components/action-menu.tsx';
import { BrandMark } from '../../components/brand-mark.tsx';
import { useSession } from '../../store/session.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useGlobalActions } from './global-actions.ts';
import { LookMenus } from './look-menus.tsx';

function Running() {
  const { t, format } = useText();
  const slots = useEngine('system.get', {}).data?.slots;
  if (slots === undefined || slots.used + slots.waiting === 0) return null;
  return (
    <Link className="hbtn" to="/tasks?show=running">
      {slots.used > 0 && (
        <span className="st running">
          <IconLoader2 className="ic spin" aria-hidden />
          <span className="b5 tn">{t('frame.running', { count: slots.used, shown: format.count(slots.used) })}</span>
        </span>
      )}
      {slots.waiting > 0 && <span className="t3 tn">{t('frame.waiting', { count: slots.waiting })}</span>}
    </Link>
  );
}

function Unseen() {
  const { t, format } = useText();
  const count = useEngine('system.get', {}).data?.unseenErrors ?? 0;
  return (
    <Link className="hbtn" to="/tasks?show=failed">
      <IconBell className="ic" aria-hidden />
      {t('frame.unseen')}
      {count > 0 ? <span className="badge fail">{format.count(count)}</span> : <span className="cnt">0</span>}
    </Link>
  );
}

interface Props {
  readonly onPalette: () => void;
  readonly onKeys: () => void;
}

/** Brand, palette, what runs, what failed, language, theme, user. */
export function Header({ onPalette, onKeys }: Props) {
  const { t } = useText();
  const user = useSession().data?.user;
  const { account } = useGlobalActions();
  return (
    <header className="hd">
      <Link className="brand" to="/objects">
        <BrandMark />
        Holdfast
      </Link>
      <button type="button" className="search" onClick={onPalette} aria-keyshortcuts="Control+K Meta+K">
        <IconSearch className="ic" aria-hidden />
        <span className="el sp">{t('frame.search')}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <span className="sp" />
      <Running />
      <Unseen />
      <span className="hsep" />
      <LookMenus />
      <button type="button" className="hbtn" aria-label={t('frame.keys')} title={t('frame.keys')} onClick={onKeys}>
        <IconHelpCircle className="ic" aria-hidden />
      </button>
      {user !== null && user !== undefined && (
        <DropMenu actions={account}>
          <button type="button" className="hbtn" title={t(`role.${user.role}`)}>
            <span className="avatar" aria-hidden>
              {user.name.slice(0, 2).toUpperCase()}
            </span>
            <span className="vh">{t('frame.account')}</span> {user.name}
            <IconChevronDown className="ic sm" aria-hidden />
          </button>
        </DropMenu>
      )}
    </header>
  );
}
