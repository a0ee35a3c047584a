import { useEffect, useState } from 'react';

const widths = [62, 48, 71, 55, 66, 44];

/** Rows of a first load, at their true height; nothing for the first 150 ms. */
export function SkeletonRows() {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  if (!isShown) return null;
  return (
    <div aria-hidden>
      {widths.map((width) => (
        <div key={width} className="skr">
          <span className="sk" style={{ width: `${width}%` }} />
          <span className="sk" style={{ width: '60%' }} />
          <span className="sk" style={{ width: '80%' }} />
          <span className="sk" />
        </div>
      ))}
    </div>
  );
}
