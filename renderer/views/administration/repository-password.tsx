import { IconEye, IconEyeOff } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { CopyText } from '../../components/copy-text.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';

/** So long a password stands on the screen, seconds. */
const shownSeconds = 60;

interface Props {
  /** The repository: its pool and whose it is. */
  readonly named: { readonly pool: string; readonly client?: string; readonly group?: string };
}

/** The password of the repository of one client or client group: asked for, shown for a minute, gone when this goes. */
export function RepositoryPassword({ named }: Props) {
  const { t } = useText();
  const [password, setPassword] = useState<string>();
  const show = useCommand('repositories.password');
  useEffect(() => {
    if (password === undefined) return;
    const timer = setTimeout(() => setPassword(undefined), shownSeconds * 1000);
    return () => clearTimeout(timer);
  }, [password]);
  const ask = async () => {
    const outcome = await show.run(named);
    if (outcome.ok) setPassword(outcome.value.password);
  };
  const isShown = password !== undefined;
  const Icon = isShown ? IconEyeOff : IconEye;
  return (
    <>
      <FormRow
        label={t('poolKeys.password')}
        help={t(isShown ? 'poolKeys.hiddenSoon' : 'poolKeys.passwordHelp', { seconds: shownSeconds })}
      >
        {({ id, 'aria-describedby': describedBy }) => (
          <div className="row" style={{ gap: 8 }}>
            {isShown ? (
              <CopyText text={password} />
            ) : (
              <span className="t3 mono" aria-hidden>
                ••••••••••••
              </span>
            )}
            <span className="sp" />
            <button
              type="button"
              id={id}
              className="btn sm"
              aria-label={t(isShown ? 'poolKeys.hideInUse' : 'poolKeys.showInUse')}
              aria-describedby={describedBy}
              aria-busy={show.isRunning}
              onClick={() => (isShown ? setPassword(undefined) : void ask())}
            >
              <Icon className="ic sm" aria-hidden />
              {show.isRunning ? t('common.working') : t(isShown ? 'poolKeys.hide' : 'poolKeys.show')}
            </button>
          </div>
        )}
      </FormRow>
      {show.error !== undefined && <ErrorLine error={show.error} />}
    </>
  );
}
