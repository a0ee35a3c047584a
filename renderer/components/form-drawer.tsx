import { IconAlertTriangle } from '@tabler/icons-react';
import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useId, useRef } from 'react';
import type { WireError } from '../../shared/errors.ts';
import { useText } from '../text/use-text.ts';
import { ErrorLine } from './error-line.tsx';
import { useEscape } from './side-panel.tsx';

interface Props {
  readonly title: string;
  readonly facts?: ReactNode;
  /** The verb on the button; default: Apply. */
  readonly verb?: string;
  readonly isBusy: boolean;
  readonly problems: number;
  readonly error?: WireError | undefined;
  readonly errorTitle?: string;
  /** Preview beside the fields. */
  readonly rail?: ReactNode;
  readonly children: ReactNode;
  readonly onApply: () => void;
  readonly onCancel: () => void;
}

function focusFirst(form: HTMLFormElement | null, selector: string): void {
  form?.querySelector<HTMLElement>(selector)?.focus();
}

/** A form beside a list. Apply and Cancel stand top right and are never disabled: Apply with problems jumps to the first. */
export function FormDrawer(props: Props) {
  const { t } = useText();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  useEscape(props.onCancel);
  useEffect(() => focusFirst(form.current, '.fm input:not(:disabled), .fm textarea'), []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (props.isBusy) return;
    props.onApply();
    requestAnimationFrame(() => focusFirst(form.current, '[aria-invalid=true]'));
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit();
  };
  return (
    <aside className={props.rail === undefined ? 'dr' : 'dr wide'} aria-labelledby={id}>
      <form ref={form} onSubmit={submit} onKeyDown={keys} noValidate aria-busy={props.isBusy}>
        <div className="dh">
          <h2 id={id} className="el">
            {props.title}
          </h2>
          {props.facts}
          <span className="sp" />
          {props.problems > 0 && (
            <span className="err" role="status">
              <IconAlertTriangle className="ic xs" aria-hidden />
              {t('form.problems', { count: props.problems })}
            </span>
          )}
          <button type="button" className="btn" onClick={props.onCancel}>
            {t('common.cancel')}
          </button>
          <button type="submit" className="btn pri">
            {props.isBusy ? t('common.working') : (props.verb ?? t('common.apply'))}
          </button>
        </div>
        <div className="db">
          <div className="fm scroll">
            {props.error !== undefined && (
              <div style={{ paddingTop: 12 }}>
                <ErrorLine error={props.error} title={props.errorTitle} />
              </div>
            )}
            {props.children}
          </div>
          {props.rail}
        </div>
      </form>
    </aside>
  );
}
