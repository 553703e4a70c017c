-- _numbers: how numbers become text. Integers never pass through tostring or cjson, which turn them
-- into floats.

local function int(n) return string.format('%.0f', n) end
local function frac(x) return string.format('%.17g', x) end
local function ms(x) return string.format('%.3f', x) end
