import { IconAlertTriangle } from '@tabler/icons-react';
import { type ReactNode, useId } from 'react';

/** What a field must carry so that label, help and error belong to it. */
export interface FieldProps {
  readonly id: string;
  readonly 'aria-describedby': string | undefined;
  readonly 'aria-invalid': boolean;
  readonly required: boolean;
  readonly error: boolean;
}

interface Props {
  readonly label: string;
  readonly required?: boolean;
  readonly help?: ReactNode;
  readonly error?: ReactNode;
  /** Draws the field. */
  readonly children: (field: FieldProps) => ReactNode;
}

/** A line of a form: label left, field, below it the error or the help. */
export function FormRow({ label, required = false, help, error, children }: Props) {
  const id = useId();
  const isBad = error !== undefined && error !== null;
  const described = isBad || help !== undefined ? `${id}-help` : undefined;
  return (
    <div className="fr">
      <label htmlFor={id} className={required ? 'req' : ''} title={label}>
        {label}
      </label>
      <div className="c">
        {children({ id, 'aria-describedby': described, 'aria-invalid': isBad, required, error: isBad })}
        {isBad && (
          <div className="err" id={described}>
            <IconAlertTriangle className="ic xs" aria-hidden />
            <span>{error}</span>
          </div>
        )}
        {!isBad && help !== undefined && (
          <div className="help" id={described}>
            {help}
          </div>
        )}
      </div>
    </div>
  );
}
