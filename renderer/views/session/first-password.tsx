import { PasswordInput } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import type { WireError } from '../../../shared/errors.ts';
import { CopyText } from '../../components/copy-text.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { firstToken } from '../../connection/first-token.ts';
import { setFirstPassword } from '../../store/session.ts';
import { useAppDispatch } from '../../store/store.ts';
import { useText } from '../../text/use-text.ts';
import { CapsNote, EngineFact, useCapsLock } from './sign-in.tsx';
import { WayIn } from './way-in.tsx';

const shortest = 8;

interface Props {
  readonly host: string;
  readonly embedded: boolean;
}

function WithoutToken() {
  const { t } = useText();
  return (
    <>
      <p className="lead">{t('first.noToken')}</p>
      <p style={{ margin: '8px 0' }}>
        <CopyText text="npm start" />
      </p>
      <p className="lead">{t('first.noTokenServe')}</p>
      <p style={{ margin: '8px 0' }}>
        <CopyText text="holdfast users set-password admin" block />
      </p>
    </>
  );
}

function useFirstPassword(token: string | undefined) {
  const dispatch = useAppDispatch();
  const [error, setError] = useState<WireError>();
  const [isBusy, setBusy] = useState(false);
  const set = async (password: string) => {
    if (token === undefined) return;
    setBusy(true);
    setError(undefined);
    const outcome = await dispatch(setFirstPassword(token, password));
    setBusy(false);
    if (!outcome.ok) setError(outcome.error);
  };
  return { error, isBusy, set };
}

/** Before anything else the administrator gets a password; only the bearer of the single-use link may set it. */
export function FirstPassword({ host, embedded }: Props) {
  const { t } = useText();
  const token = firstToken();
  const { error, isBusy, set } = useFirstPassword(token);
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [wasTried, setTried] = useState(false);
  const [capsLock, onKey] = useCapsLock();
  const short = password.length < shortest ? t('first.short', { count: shortest }) : undefined;
  const differs = again === password ? undefined : t('form.passwordsDiffer');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!isBusy && short === undefined && differs === undefined) void set(password);
  };
  return (
    <WayIn title={t('first.title')}>
      {token === undefined ? (
        <WithoutToken />
      ) : (
        <form onSubmit={submit}>
          <p className="s12 t2">{t('first.lead')}</p>
          <EngineFact host={host} embedded={embedded} />
          <PasswordInput
            label={t('first.password')}
            autoComplete="new-password"
            autoFocus
            leftSection={<IconKey className="ic" aria-hidden />}
            visibilityToggleButtonProps={{ 'aria-label': t('common.showPassword') }}
            value={password}
            error={wasTried ? short : undefined}
            onKeyUp={onKey}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <div>
            <PasswordInput
              label={t('first.again')}
              autoComplete="new-password"
              leftSection={<IconKey className="ic" aria-hidden />}
              visibilityToggleButtonProps={{ 'aria-label': t('common.showPassword') }}
              value={again}
              error={wasTried ? differs : undefined}
              onKeyUp={onKey}
              onChange={(event) => setAgain(event.currentTarget.value)}
            />
            {capsLock && <CapsNote />}
          </div>
          {error !== undefined && <ErrorLine error={error} />}
          <button type="submit" className="btn pri" aria-disabled={isBusy}>
            {isBusy ? t('signIn.busy') : t('first.set')}
          </button>
        </form>
      )}
      {token !== undefined && <p className="ft2">{t('first.note')}</p>}
    </WayIn>
  );
}
