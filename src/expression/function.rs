//! The functions of one and two numbers, with their derivatives.

/// Functions of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function1 {
    Negate,
    Not,
    Sqrt,
    Exp,
    Ln,
    Abs,
}

/// Functions of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function2 {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Greater,
}

/// Exponents beyond this are continued linearly: iterates pass there and must stay finite.
const LARGEST_EXPONENT: f64 = 690.0;

impl Function1 {
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::Negate => -x,
            Self::Not => f64::from(x == 0.0),
            Self::Sqrt => x.sqrt(),
            Self::Exp if x > LARGEST_EXPONENT => {
                LARGEST_EXPONENT.exp() * (1.0 + x - LARGEST_EXPONENT)
            }
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            Self::Abs => x.abs(),
        }
    }

    pub fn slope(self, x: f64) -> f64 {
        match self {
            Self::Negate => -1.0,
            Self::Not => 0.0,
            Self::Sqrt => 0.5 / x.sqrt(),
            Self::Exp => x.min(LARGEST_EXPONENT).exp(),
            Self::Ln => 1.0 / x,
            Self::Abs => x.signum(),
        }
    }
}

impl Function2 {
    pub fn value(self, x: f64, y: f64) -> f64 {
        match self {
            Self::Add => x + y,
            Self::Subtract => x - y,
            Self::Multiply => x * y,
            Self::Divide => x / y,
            Self::Power => x.powf(y),
            Self::Greater => f64::from(x > y),
        }
    }

    pub fn slopes(self, x: f64, y: f64) -> [f64; 2] {
        match self {
            Self::Add => [1.0, 1.0],
            Self::Subtract => [1.0, -1.0],
            Self::Multiply => [y, x],
            Self::Divide => [1.0 / y, -x / (y * y)],
            Self::Power => [y * x.powf(y - 1.0), x.powf(y) * x.ln()],
            Self::Greater => [0.0, 0.0],
        }
    }
}
