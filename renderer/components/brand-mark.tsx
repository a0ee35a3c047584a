/** The mark beside the name. */
export function BrandMark() {
  return (
    <svg
      viewBox="0 0 18 18"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="square"
      aria-hidden="true"
    >
      <path d="M3 2v14M15 2v14M3 9h4.2M10.8 9H15" />
      <path d="M9 6.2 11.8 9 9 11.8 6.2 9z" fill="currentColor" stroke="none" />
    </svg>
  );
}
