import { PasswordInput, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconKey, IconServer, IconUser } from '@tabler/icons-react';
import { type FormEvent, type KeyboardEvent, useState } from 'react';
import type { WireError } from '../../../shared/errors.ts';
import { ErrorLine } from '../../components/error-line.tsx';
import { signIn } from '../../store/session.ts';
import { useAppDispatch } from '../../store/store.ts';
import { useText } from '../../text/use-text.ts';
import { WayIn } from './way-in.tsx';

/** Which engine one is about to sign in to. */
export function EngineFact({ host, embedded }: { readonly host: string; readonly embedded: boolean }) {
  const { t } = useText();
  return (
    <div>
      <span className="lab">{t('signIn.engine')}</span>
      <div className="fact">
        <IconServer className="ic" aria-hidden />
        <span className="el">{embedded ? t('signIn.thisComputer', { host }) : host}</span>
      </div>
    </div>
  );
}

/** True while Caps Lock is on, as the last key told. */
export function useCapsLock(): [boolean, (event: KeyboardEvent) => void] {
  const [isOn, setOn] = useState(false);
  return [isOn, (event) => setOn(event.getModifierState('CapsLock'))];
}

export function CapsNote() {
  const { t } = useText();
  return (
    <div className="pin degraded">
      <IconAlertTriangle className="ic sm" aria-hidden />
      <span>{t('signIn.capsLock')}</span>
    </div>
  );
}

interface Props {
  readonly host: string;
  readonly embedded: boolean;
}

/** The way in for everybody who has a password. */
export function SignIn({ host, embedded }: Props) {
  const { t } = useText();
  const dispatch = useAppDispatch();
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<WireError>();
  const [isBusy, setBusy] = useState(false);
  const [capsLock, onKey] = useCapsLock();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy || user.trim() === '' || password === '') return;
    setBusy(true);
    setError(undefined);
    const outcome = await dispatch(signIn(user, password));
    setBusy(false);
    if (!outcome.ok) {
      setError(outcome.error);
      setPassword('');
    }
  };
  const titles: Partial<Record<WireError['code'], string>> = {
    wrongCredentials: t('signIn.wrong'),
    rateLimited: t('signIn.limited'),
  };
  return (
    <WayIn title={t('signIn.title')}>
      <form onSubmit={(event) => void submit(event)}>
        <EngineFact host={host} embedded={embedded} />
        <TextInput
          label={t('signIn.user')}
          name="username"
          autoComplete="username"
          autoFocus
          leftSection={<IconUser className="ic" aria-hidden />}
          value={user}
          onChange={(event) => setUser(event.currentTarget.value)}
        />
        <div>
          <PasswordInput
            label={t('signIn.password')}
            name="password"
            autoComplete="current-password"
            leftSection={<IconKey className="ic" aria-hidden />}
            visibilityToggleButtonProps={{ 'aria-label': t('common.showPassword') }}
            value={password}
            onKeyUp={onKey}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          {capsLock && <CapsNote />}
        </div>
        {error !== undefined && <ErrorLine error={error} title={titles[error.code]} />}
        <button type="submit" className="btn pri" aria-disabled={isBusy}>
          {isBusy ? t('signIn.busy') : t('signIn.title')}
        </button>
      </form>
      <p className="ft2">{t('signIn.forgotten')}</p>
    </WayIn>
  );
}
